// ModuleTree: the tree of a model as developers know it from a browser's tools: open, close, search, sort, choose columns, and
// see all of one module beside it. Equal neighbours are one row until they are opened. The rows in sight are drawn, no others.
import { el, put, say } from "../dom";
import { showKeys } from "../help";
import { COLUMNS, CSS, type Item, type Parameter, type TreeData } from "../module_look";
import { percent, tags, Words } from "../module_words";
import { register, type Handle } from "../register";
import { Shell } from "../shell";
import { fillTwin } from "../twin";

const NAME = 230; // least pixels of the name
const TALL = 26; // pixels of a row
const SIGHT = 560; // pixels of the tree

export class Tree implements Handle {
  readonly shell: Shell;
  readonly words: Words;
  items: Item[] = []; // what is open, from top to bottom
  selected: Item | null = null;
  #open = new Set<string>();
  #closed = new Set<string>();
  #wish = "";
  #hits = new Set<number>();
  #kept = new Set<number>(); // hits and what is above them
  #sorted = false;
  #inner = false; // parameters as rows
  #chosen: string[] | null = null;
  #shown: string[] = [];
  #revision = 0;
  readonly #tree = el("div", { class: "tree", role: "tree", tabindex: 0, "aria-label": "Modules" });
  readonly #head = el("div", { class: "head", "aria-hidden": "true" });
  readonly #side = el("div", { class: "side", role: "region", "aria-label": "The selected module" });
  readonly #find = el("input", { type: "search", placeholder: "Search (/)", "aria-label": "Search modules by name, class or settings" }) as HTMLInputElement;
  readonly #found = el("small", { role: "status" });
  readonly #menu = el("div", { role: "group", "aria-label": "Columns" });
  readonly #sort = el("button", { type: "button", title: "Sort by parameters (S)", "aria-pressed": "false" }, "Largest first");
  readonly #show = el("button", { type: "button", title: "Parameters and buffers as rows (P)", "aria-pressed": "false" }, "Parameters");
  readonly #twin = el("div", { class: "twin", hidden: true, tabindex: 0, role: "region", "aria-label": "The tree as text" });
  readonly #help = el("div", { class: "help", hidden: true, tabindex: 0, role: "region", "aria-label": "Keys" });

  constructor(
    host: HTMLElement,
    readonly data: TreeData,
  ) {
    this.shell = new Shell(host, data.title, `Module tree: ${data.title}. Arrow keys walk and open, question mark lists the keys.`, CSS);
    this.words = new Words(data);
    const { shell } = this;
    const button = (text: string, title: string, run: () => void): HTMLElement => el("button", { type: "button", title, onclick: run }, text);
    shell.header.append(el("span", { class: "grow" }), button("Text", "The tree as text (T)", () => this.#toText()), button("?", "Keys", () => this.#keys()));
    this.#sort.addEventListener("click", () => this.sort(!this.#sorted));
    this.#show.addEventListener("click", () => this.parameters(!this.#inner));
    this.#show.hidden = !data.rows.some((row) => row.p);
    this.#find.addEventListener("input", () => this.search(this.#find.value));
    this.#find.addEventListener("keydown", (e) => {
      if (e.key !== "Enter" && e.key !== "ArrowDown") return;
      e.preventDefault();
      this.#tree.focus({ preventScroll: true });
      this.#nextHit(1);
    });
    const menu = el("details", { class: "menu" }, el("summary", {}, "Columns ▾"), this.#menu);
    shell.body.append(el("div", { class: "tools", role: "toolbar", "aria-label": "Tree" }, this.#find, this.#found, el("span", { class: "grow" }),
      el("div", { class: "group" }, button("Open all", "Open every module (*)", () => this.openAll()), button("Fold", "Close all but the first levels (C)", () => this.fold())), this.#sort, this.#show, menu));
    if (data.error) shell.body.append(el("div", { class: "error", role: "alert" }, `✕ ${data.error}`));
    shell.body.append(el("div", { class: "box" }, el("div", { class: "left" }, this.#head, this.#tree), this.#side, this.#twin, this.#help));
    if (data.note) shell.body.append(el("div", { class: "note" }, data.note));
    this.#tree.addEventListener("scroll", () => this.#draw());
    this.#tree.addEventListener("click", (e) => this.#clicked(e));
    const watch = new ResizeObserver(() => this.#columns());
    watch.observe(shell.view);
    shell.later(() => watch.disconnect());
    const away = (e: Event): void => {
      if (!e.composedPath().includes(menu)) menu.removeAttribute("open");
    };
    document.addEventListener("pointerdown", away);
    shell.later(() => document.removeEventListener("pointerdown", away));
    this.#listen();
    this.fold(false);
    this.select(this.items[0], false);
    shell.announce(data.totals);
    shell.status("Up and Down walk, Right opens, Left closes, / searches, ? lists all keys.");
    void shell.mark("data-ready");
  }

  close(): void {
    this.shell.close();
  }

  // -- the tree -----------------------------------------------------------------------------------------------------
  /** What is right under an item. */
  children(item: Item): Item[] {
    const { rows } = this.data;
    const make = (kind: Item["kind"], row: number, members: number[], key: string, parameter?: Parameter): Item => ({ key, kind, row, members, parameter, level: item.level + 1, up: item });
    if (item.kind === "parameter") return [];
    if (item.kind === "group") return item.members.map((row) => make("module", row, [row], `m${row}`));
    const list = this.#wish ? this.words.below[item.row].filter((i) => this.#kept.has(i)) : [...this.words.below[item.row]];
    if (this.#sorted) list.sort((a, b) => (rows[b].all ?? 0) - (rows[a].all ?? 0) || a - b);
    const made: Item[] = this.#inner && !this.#wish ? (rows[item.row].p ?? []).map((p, k) => make("parameter", item.row, [], `p${item.row}.${k}`, p)) : [];
    for (let at = 0; at < list.length; ) {
      let end = at + 1;
      while (end < list.length && rows[list[end]].s === rows[list[at]].s) end++;
      const least = this.words.below[list[at]].length ? 2 : 3;
      if (end - at >= least && !this.#wish) made.push(make("group", list[at], list.slice(at, end), `g${list[at]}`));
      else made.push(...list.slice(at, end).map((row) => make("module", row, [row], `m${row}`)));
      at = end;
    }
    return made;
  }

  isOpen(item: Item): boolean {
    if (this.#wish) return !this.#closed.has(item.key);
    return this.#open.has(item.key) || (item.level < this.data.depth && item.kind === "module" && !this.#closed.has(item.key));
  }

  /** The list of what is open, made anew. */
  refresh(): void {
    this.items = [];
    const root: Item = { key: "m0", kind: "module", row: 0, members: [0], level: 0, up: null };
    const waiting = [root];
    while (waiting.length) {
      const item = waiting.pop()!;
      this.items.push(item);
      if (this.isOpen(item)) waiting.push(...this.children(item).reverse());
    }
    const again = this.selected && this.items.find((item) => item.key === this.selected!.key);
    if (this.selected) this.selected = again ?? this.items[0];
    this.#draw(true);
    if (!this.#twin.hidden) this.#fillTwin();
    void this.shell.mark("data-drawn", String(++this.#revision));
  }

  toggle(item: Item, to = !this.isOpen(item)): void {
    if (!this.children(item).length) return;
    (to ? this.#open : this.#closed).add(item.key);
    (to ? this.#closed : this.#open).delete(item.key);
    this.refresh();
    this.shell.announce(`${this.words.label(this.selected ?? item)}, ${to ? "open" : "closed"}`);
  }

  fold(redraw = true): void {
    this.#open.clear();
    this.#closed.clear();
    this.refresh();
    if (redraw) this.select(this.selected ?? this.items[0]);
  }

  openAll(): void {
    this.#closed.clear();
    const waiting: Item[] = [this.items[0]];
    while (waiting.length) {
      const item = waiting.pop()!;
      const children = this.children(item);
      if (children.length) this.#open.add(item.key);
      waiting.push(...children);
    }
    this.refresh();
    this.shell.announce(`${this.items.length} rows`);
  }

  sort(on: boolean): void {
    this.#sorted = on;
    put(this.#sort, "aria-pressed", String(on));
    this.refresh();
    this.shell.announce(on ? "Largest first" : "In order of definition");
  }

  parameters(on: boolean): void {
    this.#inner = on;
    put(this.#show, "aria-pressed", String(on));
    if (on && this.selected) this.#open.add(this.selected.key);
    this.refresh();
    this.shell.announce(on ? "Parameters are rows" : "Parameters are not shown");
  }

  search(text: string): void {
    this.#wish = text.trim().toLowerCase();
    this.#hits.clear();
    this.#kept.clear();
    this.#closed.clear();
    if (this.#wish) {
      this.data.rows.forEach((row, i) => {
        const names = [this.words.paths[i], row.c, row.x ?? "", ...(row.p ?? []).map((p) => p[0])];
        if (!names.some((name) => name.toLowerCase().includes(this.#wish))) return;
        this.#hits.add(i);
        for (let up = i; up >= 0; up = this.data.rows[up].u) this.#kept.add(up);
      });
    }
    say(this.#found, this.#wish ? `${this.#hits.size} of ${this.data.rows.length}` : "");
    this.refresh();
    const first = this.items.find((item) => this.#hits.has(item.row));
    if (first) this.select(first, false);
  }

  #nextHit(by: 1 | -1): void {
    if (!this.#hits.size) return;
    const at = this.items.indexOf(this.selected!);
    const start = by > 0 && this.#hits.has(this.selected?.row ?? -1) && this.shell.host.dataset.hit === this.selected?.key ? at + by : at;
    for (let k = 0; k < this.items.length; k++) {
      const item = this.items[(start + by * k + this.items.length * 2) % this.items.length];
      if (this.#hits.has(item.row)) {
        this.shell.host.dataset.hit = item.key;
        return this.select(item);
      }
    }
  }

  // -- rows ---------------------------------------------------------------------------------------------------------
  #columns(): void {
    const wide = this.#head.parentElement!.clientWidth || 900;
    if (this.#chosen) this.#shown = this.#chosen;
    else {
      let room = wide - NAME - 40;
      const fits = new Set<string>();
      for (const key of [...this.data.columns].sort((a, b) => COLUMNS[a].rank - COLUMNS[b].rank)) {
        room -= COLUMNS[key].wide + 10;
        if (room < 0 && fits.size) break;
        fits.add(key);
      }
      this.#shown = this.data.columns.filter((key) => fits.has(key));
    }
    const template = `minmax(${NAME}px,1fr) ${this.#shown.map((key) => `${COLUMNS[key].wide}px`).join(" ")}`;
    this.shell.view.style.setProperty("--template", template);
    this.#head.style.gridTemplateColumns = template;
    this.#head.style.minWidth = this.#tree.style.minWidth = this.#chosen ? `${NAME + 40 + this.#shown.reduce((sum, key) => sum + COLUMNS[key].wide + 10, 0)}px` : "";
    this.#head.replaceChildren(el("span", {}, "module"), ...this.#shown.map((key) => el("span", { class: COLUMNS[key].right ? "right" : null }, COLUMNS[key].title)));
    this.#menu.replaceChildren(...Object.keys(COLUMNS).filter((key) => this.#useful(key)).map((key) => {
      const box = el("input", { type: "checkbox", checked: this.#shown.includes(key), "data-column": key }) as HTMLInputElement;
      box.addEventListener("change", () => {
        const now = new Set(this.#shown);
        if (box.checked) now.add(key);
        else now.delete(key);
        this.#chosen = Object.keys(COLUMNS).filter((name) => now.has(name));
        this.#columns();
        this.#menu.querySelector<HTMLElement>(`[data-column=${key}]`)?.focus();
      });
      return el("label", {}, box, COLUMNS[key].title);
    }));
    this.#draw(true);
  }

  #useful(key: string): boolean {
    return key === "output" || key === "activations" ? this.data.rows.some((row) => row.o) : key === "flops" ? this.data.counted : true;
  }

  #from = -1;
  #to = -1;
  /** Put the rows in sight into the page. */
  #draw(anew = false): void {
    const tall = Math.min(SIGHT, this.items.length * TALL);
    const from = Math.max(0, Math.floor(this.#tree.scrollTop / TALL) - 12);
    const to = Math.min(this.items.length, Math.ceil((this.#tree.scrollTop + tall) / TALL) + 12);
    if (!anew && from === this.#from && to === this.#to) return;
    [this.#from, this.#to] = [from, to];
    const pad = (rows: number): HTMLElement => {
      const made = el("div", { role: "none" });
      made.style.height = `${rows * TALL}px`;
      return made;
    };
    const sets = new Map<Item | null, Item[]>();
    for (const item of this.items) {
      const list = sets.get(item.up);
      if (list) list.push(item);
      else sets.set(item.up, [item]);
    }
    this.#tree.replaceChildren(pad(from), ...this.items.slice(from, to).map((item) => this.#row(item, sets.get(item.up)!)), pad(this.items.length - to));
    put(this.#tree, "aria-activedescendant", this.selected ? `r-${this.selected.key}` : null);
  }

  #row(item: Item, set: Item[]): HTMLElement {
    const row = this.data.rows[item.row];
    const holds = this.children(item).length > 0;
    const made = el("div", {
      class: "row", role: "treeitem", id: `r-${item.key}`, "data-key": item.key, "aria-level": item.level + 1, "aria-setsize": set.length, "aria-posinset": set.indexOf(item) + 1,
      "aria-expanded": holds ? String(this.isOpen(item)) : null, "aria-selected": String(item.key === this.selected?.key), "aria-label": this.words.label(item),
    });
    made.style.gridTemplateColumns = "var(--template)";
    const name = this.words.name(item);
    const kind = item.kind === "parameter" ? "" : row.c;
    const marks = item.kind === "parameter" ? tags(item.parameter!) : [
      item.members.length > 1 && el("span", { class: "times" }, `×${item.members.length}`),
      row.same !== undefined && el("span", { class: "tag", title: `The same module as ${this.words.paths[row.same]}; counted there` }, `↻ ${this.words.paths[row.same] || "model"}`),
      row.lazy && el("span", { class: "tag" }, "lazy"),
      row.bad && el("span", { class: "tag bad" }, "✕ stopped here"),
    ];
    made.append(el("span", { class: "name" }, ...Array.from({ length: item.level }, () => el("span", { class: "guide" })), el("span", { class: "twist", "data-twist": "" }, holds ? "▶" : ""),
      name && el("b", { dir: "auto", class: item.kind === "parameter" ? "kind parameter" : null }, ...this.#marked(name)), kind && el("span", { class: `kind ${this.words.below[item.row].length ? "holder" : "leafy"}` }, ...this.#marked(kind)), ...marks));
    for (const key of this.#shown) made.append(key === "share" ? this.#share(item) : this.#told(item, key));
    return made;
  }

  #told(item: Item, key: string): HTMLElement {
    const text = this.words.cell(item, key);
    const off = /^[○◐■◧]/.test(text);
    const mono = ["output", "params", "memory", "activations", "flops"].includes(key);
    return el("span", { class: [COLUMNS[key].right && "right", mono && "mono", off && "off", ["settings", "dtype", "device"].includes(key) && "soft"].filter(Boolean).join(" "), title: text.length > 14 ? text : null, dir: key === "settings" ? "auto" : null }, ...(key === "settings" ? this.#marked(text) : [text]));
  }

  #share(item: Item): HTMLElement {
    const row = this.data.rows[item.row];
    const whole = this.data.facts.params;
    const count = item.kind !== "parameter" ? this.words.sum(item, "all") : item.parameter![4].includes("b") ? 0 : item.parameter![2];
    if (!count || !whole || row.same !== undefined || item.parameter?.[5]) return el("span");
    const bar = el("i");
    bar.style.setProperty("--part", `${Math.min(100, (100 * count) / whole)}%`);
    return el("span", { class: "share" }, bar, el("small", {}, percent(count / whole)));
  }

  /** Text with what was searched for marked. */
  #marked(text: string): (string | HTMLElement)[] {
    const at = this.#wish ? text.toLowerCase().indexOf(this.#wish) : -1;
    return at < 0 ? [text] : [text.slice(0, at), el("mark", {}, text.slice(at, at + this.#wish.length)), text.slice(at + this.#wish.length)];
  }

  #clicked(e: Event): void {
    const target = e.target as HTMLElement;
    const key = target.closest<HTMLElement>("[data-key]")?.dataset.key;
    const item = this.items.find((one) => one.key === key);
    if (!item) return;
    const again = item.key === this.selected?.key;
    this.select(item);
    if (target.closest("[data-twist]") || (again && (e as MouseEvent).detail === 2)) this.toggle(item);
  }

  // -- one module ---------------------------------------------------------------------------------------------------
  select(item: Item | undefined, tell = true): void {
    if (!item) return;
    this.selected = item;
    const at = this.items.indexOf(item);
    const top = this.#tree.scrollTop;
    const tall = this.#tree.clientHeight || SIGHT;
    if (at * TALL < top) this.#tree.scrollTop = at * TALL;
    if ((at + 1) * TALL > top + tall) this.#tree.scrollTop = (at + 1) * TALL - tall;
    this.#draw(true);
    this.#side.replaceChildren(...this.words.about(item, (row) => this.goto(row)));
    put(this.shell.host, "data-row", item.key);
    if (tell) this.shell.announce(this.words.label(item));
    void this.shell.mark("data-drawn", String(++this.#revision));
  }

  /** Open what is above a row, and select it. */
  goto(row: number): void {
    if (this.#wish) {
      this.#find.value = "";
      this.search("");
    }
    const chain: number[] = [];
    for (let up = row; up >= 0; up = this.data.rows[up].u) chain.unshift(up);
    for (const i of chain.slice(0, -1)) {
      this.#open.add(`m${i}`);
      this.#closed.delete(`m${i}`);
    }
    this.refresh();
    for (const i of chain) {
      const group = this.items.find((item) => item.kind === "group" && item.members.includes(i));
      if (group && !this.isOpen(group)) this.#open.add(group.key);
      this.refresh();
    }
    this.select(this.items.find((item) => item.kind === "module" && item.row === row));
  }

  // -- text and keys ------------------------------------------------------------------------------------------------
  #toText(): void {
    this.#twin.hidden = !this.#twin.hidden;
    if (this.#twin.hidden) return this.shell.host.focus({ preventScroll: true });
    this.#fillTwin();
    this.#twin.focus();
  }

  #fillTwin(): void {
    const { items } = this;
    fillTwin(this.#twin, { length: items.length, line: (i) => ({ text: `${"  ".repeat(items[i].level)}${this.words.label(items[i])}` }), go: (i) => {
      this.#toText();
      this.select(this.items[i - 1]);
    } }, items.indexOf(this.selected!) + 1);
    this.#twin.querySelectorAll("li").forEach((li) => li.classList.remove("later"));
  }

  #keys(): void {
    showKeys(this.#help, new Set(["search", "text", "leave", "help"] as const), [
      ["↑ ↓", "to the row above or below; with Shift ten"], ["→", "open, then to the first inside"], ["←", "close, then to the one around it"], ["Home", "to the first row"], ["End", "to the last row"],
      ["Enter", "open or close"], ["*", "open everything"], ["c", "close to the first levels"], ["p", "parameters as rows"], ["s", "sort by parameters"], ["n", "next found; with Shift the one before"],
    ], "Blue names are modules that compute, violet ones hold others. ×12 stands for twelve equal neighbours; ↻ is a module or parameter that is counted elsewhere.");
    (this.#help.hidden ? this.shell.host : this.#help).focus({ preventScroll: true });
  }

  #leave(): void {
    if (!this.#help.hidden) return this.#keys();
    if (!this.#twin.hidden) return this.#toText();
    if (this.#wish) {
      const row = this.selected?.row ?? 0;
      this.#find.value = "";
      this.search("");
      return this.goto(row);
    }
    this.shell.host.focus({ preventScroll: true });
  }

  #listen(): void {
    const at = (): number => Math.max(0, this.items.indexOf(this.selected!));
    const by = (n: number): void => this.select(this.items[Math.max(0, Math.min(this.items.length - 1, at() + n))]);
    const now = (): Item => this.selected ?? this.items[0];
    this.shell.keys({
      next: () => {
        const item = now();
        if (!this.children(item).length) return;
        if (this.isOpen(item)) by(1);
        else this.toggle(item, true);
      },
      previous: () => {
        const item = now();
        if (this.isOpen(item) && this.children(item).length) this.toggle(item, false);
        else if (item.up) this.select(this.items.find((one) => one.key === item.up!.key));
      },
      first: () => this.select(this.items[0]), last: () => this.select(this.items[this.items.length - 1]),
      inspect: () => this.toggle(now()), play: () => this.toggle(now()), fold: () => this.fold(), search: () => this.#find.focus(), text: () => this.#toText(), leave: () => this.#leave(), help: () => this.#keys(),
    });
    const more: Record<string, (e: KeyboardEvent) => void> = {
      ArrowDown: (e) => by(e.shiftKey ? 10 : 1), ArrowUp: (e) => by(e.shiftKey ? -10 : -1), "*": () => this.openAll(),
      n: () => this.#nextHit(1), N: () => this.#nextHit(-1), p: () => !this.#show.hidden && this.parameters(!this.#inner), s: () => this.sort(!this.#sorted),
    };
    const hear = (e: KeyboardEvent): void => {
      const target = (e.composedPath()[0] ?? e.target) as HTMLElement;
      const run = more[e.key];
      if (!run || e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT)$/.test(target.tagName) || !this.#twin.hidden || !this.#help.hidden) return;
      e.preventDefault();
      e.stopPropagation();
      this.shell.safely(() => run(e));
    };
    this.shell.host.addEventListener("keydown", hear);
    this.shell.later(() => this.shell.host.removeEventListener("keydown", hear));
  }
}

register("module_tree", (host: HTMLElement, data: TreeData) => new Tree(host, data));
