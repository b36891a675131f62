// Elements are made here and only here: text goes in as text, attributes as attributes, so no name can become markup.
type Props = Record<string, unknown>;
type Child = Node | string | null | undefined | false;

const SVG = "http://www.w3.org/2000/svg"; // the XML namespace, not an address that is ever fetched

function fill<T extends Element>(node: T, props: Props, children: Child[]): T {
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value as EventListener);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((c): c is Node | string => c !== null && c !== undefined && c !== false));
  return node;
}

export function el<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), props, children);
}

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, props: Props = {}, ...children: Child[]): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag) as SVGElementTagNameMap[K], props, children);
}

/** Set an attribute only when it differs: the browser then repaints only what changed. */
export function put(node: Element, key: string, value: string | null): void {
  if (node.getAttribute(key) === value) return;
  if (value === null) node.removeAttribute(key);
  else node.setAttribute(key, value);
}

export function say(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
