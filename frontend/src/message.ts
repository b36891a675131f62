// One message of the backward pass: what reached the op, times its local derivative, is what goes on to an input.
import { brief, scalar } from "./number";
import type { Message, RecNode, Value } from "./types";

export interface Parts {
  upstream: string;
  local: string | null; // null: the local derivative is not a plain factor (matrix product, reduction, reshape)
  product: string;
}

export function parts(grad: Value | null, m: Message, digits = 4): Parts {
  const plain = scalar(m.product) || !!(m.local?.data && m.local.data.length <= 4);
  const text = (v: Value | null): string => brief(v, digits, "norm");
  return { upstream: text(grad), local: m.local && plain ? text(m.local) : null, product: text(m.product) };
}

/** "1 × 3 = 3" when the local derivative is a factor, else "→ 3". */
export function product(grad: Value | null, m: Message, digits = 4): string {
  const p = parts(grad, m, digits);
  return p.local === null ? `→ ${p.product}` : `${p.upstream} × ${p.local} = ${p.product}`;
}

/** "3 += 4 → 7 (2 of 2)" from the second message on; the engine's own sum, never one computed here. */
export function partial(m: Message, digits = 6): string {
  const text = (v: Value | null): string => brief(v, digits, "norm");
  return `${m.before ? `${text(m.before)} += ${text(m.product)} → ` : ""}${text(m.sum)} (${m.k} of ${m.of})`;
}

export const pretty = (formula: string): string => formula.replace(/ \* /g, " × ");

type Naming = (name: string) => string | null;

function rewrite(formula: string, naming: Naming): string {
  return pretty(formula.replace(/[A-Za-z_][A-Za-z_0-9]*(?!\w*\()/g, (word, at: number, all: string) =>
    all[at - 1] === "." || all[at + word.length] === "=" ? word : (naming(word) ?? word)));
}

/** The formula with the learner's own names in it: "a * b" becomes "x × w". */
export function named(formula: string, node: RecNode, nodes: RecNode[], grad = "g"): string {
  return rewrite(formula, (word) => {
    const input = node.inputs.find((i) => i.slot === word);
    if (input) return inputName(input, nodes);
    if (word === "out") return node.label;
    if (typeof node.settings?.[word] === "number") return String(node.settings[word]);
    return word === "g" ? grad : null;
  });
}

export function inputName(input: RecNode["inputs"][number], nodes: RecNode[]): string {
  if (input.n !== null && input.n !== undefined) return nodes[input.n]?.label || `#${input.n}`;
  if (input.value === undefined && input.n === undefined) return "?";
  return typeof input.value === "number" ? brief({ shape: [], dtype: "", data: [input.value] }) : String(input.value ?? "None");
}

/** The formula with numbers put in, or null when one of the tensors is too large to write out. */
export function substituted(formula: string, node: RecNode, nodes: RecNode[], grad: Value | null): string | null {
  let whole = true;
  const put = (v: Value | null | undefined): string => {
    if (!v?.data || v.data.length > 4) whole = false;
    const text = brief(v, 6);
    return text.startsWith("-") ? `(${text})` : text;
  };
  const text = rewrite(formula, (word) => {
    const input = node.inputs.find((i) => i.slot === word);
    if (input) return input.n === null || input.n === undefined ? inputName(input, nodes) : put(nodes[input.n]?.value);
    if (word === "out") return put(node.value);
    if (typeof node.settings?.[word] === "number") return String(node.settings[word]);
    return word === "g" ? put(grad) : null;
  });
  return whole ? text.replace(/\(\((-[^()]*)\)\)/g, "($1)").replace(/^\((-[^()]*)\)(?! \*\*)/, "$1") : null;
}
