// The rules of broadcasting, as PyTorch has them: align on the right, stretch what is 1, and say what does not fit.
export interface Plan {
  a: number[]; // both shapes, with ones put in front
  b: number[];
  out: number[]; // where a dimension does not fit: the larger size, so that there is room to show it
  bad: number; // the dimension that does not fit, or -1
  error: string;
}

export function plan(a: number[], b: number[]): Plan {
  const n = Math.max(a.length, b.length);
  const wide = (s: number[]): number[] => [...Array<number>(n - s.length).fill(1), ...s];
  const [p, q] = [wide(a), wide(b)];
  const out = p.map((size, d) => (size === 1 ? q[d] : q[d] === 1 ? size : Math.max(size, q[d])));
  let bad = -1;
  for (let d = n - 1; d >= 0 && bad < 0; d--) if (p[d] !== q[d] && p[d] !== 1 && q[d] !== 1) bad = d;
  const error = bad < 0 ? "" : `The size of tensor a (${p[bad]}) must match the size of tensor b (${q[bad]}) at non-singleton dimension ${bad}`;
  return { a: p, b: q, out, bad, error };
}

/** Steps: 0 as given, 1 aligned, then one for each dimension from the right, then combined. A pair that does not fit ends there. */
export function length(of: Plan): number {
  const n = of.out.length;
  return of.bad < 0 ? n + 2 : 1 + n - of.bad;
}

/** The dimension that a step is about, or -1. */
export function dimension(of: Plan, step: number): number {
  const d = of.out.length + 1 - step;
  return step >= 2 && d >= 0 ? d : -1;
}

/** How far a tensor is stretched after a step. */
export function stretched(of: Plan, own: number[], step: number): number[] {
  return own.map((size, d) => (size === 1 && d >= of.out.length + 1 - step && d !== of.bad ? of.out[d] : size));
}

export function shapeText(s: number[]): string {
  return s.length === 1 ? `(${s[0]},)` : `(${s.join(", ")})`;
}

/** `3, 1` or `(3, 1)` as a shape; a string that says what is wrong with it. */
export function read(text: string, most: number, dims: number): number[] | string {
  const inner = text.trim().replace(/^[([]|[)\]]$/g, "").replace(/,\s*$/, "").trim();
  if (!inner) return [];
  const sizes = inner.split(/[\s,×x]+/).map(Number);
  if (sizes.some((v) => !Number.isInteger(v) || v < 1 || v > most)) return `A shape is whole numbers from 1 to ${most} here, with commas between: 3, 1`;
  return sizes.length > dims ? `At most ${dims} dimensions are shown here` : sizes;
}

/** From a place in the result to the place in a tensor, in row-major order. */
export function source(own: number[], at: number[]): number {
  return own.reduce((k, size, d) => k * size + (size === 1 ? 0 : at[d]), 0);
}

/** The place of number `k` of a tensor of this shape. */
export function unravel(k: number, shape: number[]): number[] {
  const at: number[] = [];
  for (let d = shape.length - 1; d >= 0; d--) {
    at[d] = k % shape[d];
    k = Math.floor(k / shape[d]);
  }
  return at;
}

export function act(op: string, a: number, b: number): number {
  return Math.fround(op === "+" ? a + b : op === "-" ? a - b : op === "*" ? a * b : a / b);
}

export function tell(of: Plan, a: number[], b: number[], step: number): string {
  if (step === 0) return `a has shape ${shapeText(a)}, b has shape ${shapeText(b)}.`;
  const lesser = a.length < b.length ? "a" : b.length < a.length ? "b" : "";
  if (step === 1) return lesser ? `Aligned on the right. The dimensions that ${lesser} lacks count as 1.` : "Aligned on the right: both have the same number of dimensions.";
  const d = dimension(of, step);
  if (d < 0) return `Combined entry by entry: the result has shape ${shapeText(of.out)}.`;
  const [p, q] = [of.a[d], of.b[d]];
  if (d === of.bad) return `Dimension ${d}: ${p} and ${q} differ, and neither is 1. They do not fit.`;
  if (p === q) return `Dimension ${d}: ${p} and ${q} are equal. Nothing to do.`;
  return `Dimension ${d}: ${p} and ${q}. ${p === 1 ? "a" : "b"} is stretched from 1 to ${p * q}.`;
}
