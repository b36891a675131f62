// What-if in the browser: the operations of a record made again on other leaf values, and its backward passes after them. The
// record's own numbers are replaced in place, so whatever draws it (boxes, messages, card, text) needs nothing else.
import { real } from "./real";
import { rounding, count, fit, pull, run, type Tensor } from "./tensor";
import { DOUBLE, type Options, type Round } from "./scalar";
import type { Message, Num, RecNode, Recording, Value } from "./types";

/** The numbers of every leaf and constant, and of what was written by no operation (a dropout mask), by node. */
export type Given = Record<number, number[]>;

const word = (v: number): Num => (Number.isFinite(v) ? v : Number.isNaN(v) ? "nan" : v > 0 ? "inf" : "-inf");

/** A tensor as the record writes it, with the statistics of gradviz/core/summary.py. */
export function summary(x: Tensor, dtype: string): Value {
  const data = (dtype === "bool" ? x.data.map(Boolean) : x.data.map(word)) as Num[];
  const fine = x.data.filter(Number.isFinite);
  const square = fine.reduce((s, v) => s + v * v, 0);
  const mean = fine.reduce((s, v) => s + v, 0) / fine.length;
  const numbers = fine.length ? {
    min: Math.min(...fine), max: Math.max(...fine), mean, std: Math.sqrt(Math.max(square / fine.length - mean * mean, 0)), norm: Math.sqrt(square),
  } : {};
  const nan = x.data.filter(Number.isNaN).length;
  return { shape: x.shape, dtype, data, ...numbers, nan, inf: x.data.length - fine.length - nan, zero: x.data.filter((v) => v === 0).length };
}

/** Run `record` on `given`; its nodes' values, and the numbers of its steps, become those of this run. */
export function rerun(record: Recording, given: Given): void {
  const values = forward(record, given);
  record.nodes.forEach((node, n) => (node.value = summary(values[n], node.dtype)));
  const stored = new Map<number, Tensor>(); // the leaves' .grad
  let grads = new Map<number, Tensor>();
  for (const step of record.steps) {
    if (step.kind === "backward_begin") {
      const root = values[step.root];
      grads = new Map([[step.root, { shape: root.shape, data: root.data.map(() => 1) }]]);
    } else if (step.kind === "backward") {
      const node = record.nodes[step.n];
      const g = grads.get(step.n)!;
      step.grad = summary(g, node.dtype);
      send(record.nodes, node, step.messages, g, values, grads);
    } else if (step.kind === "accumulate") {
      const { dtype } = record.nodes[step.n];
      const r = rounding(dtype);
      const before = stored.get(step.n);
      const g = grads.get(step.n)!;
      const after = before ? { shape: g.shape, data: g.data.map((v, i) => r(before.data[i] + v)) } : g;
      stored.set(step.n, after);
      Object.assign(step, { before: before ? summary(before, dtype) : null, after: summary(after, dtype) });
    }
  }
}

export function forward(record: Recording, given: Given): Tensor[] {
  const values: Tensor[] = [];
  for (const node of record.nodes) {
    const r = rounding(node.dtype);
    const made = node.op === "unbind" ? part(record.nodes, node, values) : node.kind === "op" && !given[node.n] ? run(node.op, r, inputs(node, values, r), node.settings as Options ?? {}, node.shape) : { shape: node.shape, data: given[node.n].map(r) };
    if (made.data.length !== count(node.shape)) throw new RangeError(`${node.label} has ${made.data.length} numbers instead of ${count(node.shape)}`);
    values.push({ shape: node.shape, data: node.op === "cast" ? made.data.map(r) : made.data });
  }
  return values;
}

/** `unbind` has a node for each of its results: which one this is, and the first of them. */
function which(nodes: RecNode[], node: RecNode): { i: number; first: number; dim: number } {
  const from = node.inputs[0].n!;
  const dim = (node.settings?.dim as number) ?? 0;
  let before = 0;
  while (nodes[node.n - before - 1]?.op === "unbind" && nodes[node.n - before - 1].inputs[0].n === from) before++;
  const i = before % nodes[from].shape[dim];
  return { i, first: node.n - i, dim };
}

function part(nodes: RecNode[], node: RecNode, values: Tensor[]): Tensor {
  const { i, dim } = which(nodes, node);
  return run("select", DOUBLE, [values[node.inputs[0].n!]], { dim, index: i }, node.shape);
}

/** The gradient of what was taken apart: each result's in its place, zeros where none has come. */
function together(nodes: RecNode[], node: RecNode, x: Tensor, grads: Map<number, Tensor>): Tensor {
  const { first, dim } = which(nodes, node);
  const all: Tensor = { shape: x.shape, data: x.data.map(() => 0) };
  for (let i = 0; i < x.shape[dim]; i++) {
    const g = grads.get(first + i);
    if (g) pull("select", DOUBLE, g, [x], g, { dim, index: i })[0]!.data.forEach((v, k) => (all.data[k] += v));
  }
  return all;
}

/** What an operation was given, in the precision it computes in; null where it was given nothing. */
function inputs(node: RecNode, values: Tensor[], r: Round): (Tensor | null)[] {
  return node.inputs.map(({ n, value }) => {
    if (n !== null && n !== undefined) return { shape: values[n].shape, data: values[n].data.map(r) };
    return value === null || value === undefined ? null : { shape: [], data: [r(real(value as Num))] };
  });
}

function send(nodes: RecNode[], node: RecNode, messages: Message[], g: Tensor, values: Tensor[], grads: Map<number, Tensor>): void {
  const r = rounding(node.dtype);
  const x = inputs(node, values, r);
  const s = (node.settings as Options) ?? {};
  const out = values[node.n];
  const products = node.op === "unbind" ? [together(nodes, node, x[0]!, grads)] : pull(node.op, r, g, x, out, s);
  let locals: (Tensor | null)[] | null = null;
  for (const m of messages) {
    const i = slotAt(node, m.slot);
    const to = nodes[m.to];
    const rounded = rounding(to.dtype);
    const fitted = fit(r, products[i]!, to.shape);
    const product = { shape: fitted.shape, data: fitted.data.map(rounded) };
    if (m.local) {
      locals ??= pull(node.op, r, { shape: g.shape, data: g.data.map(() => 1) }, x, out, s);
      m.local = summary(locals[i]!, m.local.dtype);
    }
    const before = m.k > 1 ? grads.get(m.to) : undefined;
    const sum = before ? { shape: product.shape, data: product.data.map((v, k) => rounded(before.data[k] + v)) } : product;
    grads.set(m.to, sum);
    m.product = summary(product, to.dtype);
    m.sum = before ? summary(sum, to.dtype) : m.product;
  }
}

function slotAt(node: RecNode, slot: string): number {
  const named = node.inputs.findIndex((given) => given.slot === slot);
  return named >= 0 ? named : Number(slot);
}
