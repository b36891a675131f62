// Which row is in which batch, as gradviz/widgets/data has it: the order that a seed gives, cut into batches, and what can be said of it.
import { Mersenne } from "./mersenne";

export interface Facts {
  batches: number;
  rows: number; // in batches
  dropped: number;
  repeated: number;
  never: number | null;
}
export interface Epoch {
  steps: number[]; // the rows of all batches, then the dropped ones
  sizes: number[];
  dropped: number;
  facts: Facts;
  never: number[];
  whole: boolean;
  collated: string[];
}
/** How PyTorch's samplers make an order from a seed (loader_trace.py). */
export interface Recipe {
  shuffle: boolean;
  count: number;
  own: boolean;
  base: boolean;
  once: boolean;
}

/** The orders of some epochs after `torch.manual_seed(seed)`, as the loader draws them. */
export function orders(recipe: Recipe, seed: number, epochs: number): number[][] {
  const random = new Mersenne(seed);
  const long = (): number => {
    random.word();
    return random.word(); // of 64 bits a seed keeps the lower half
  };
  return Array.from({ length: epochs }, (_, epoch) => {
    if (recipe.base && !(recipe.once && epoch)) long(); // the seed of the workers, drawn whether there are any or not
    if (!recipe.shuffle) return Array.from({ length: recipe.count }, (_, i) => i);
    const made = (recipe.own ? random : new Mersenne(long())).permutation(recipe.count);
    if (recipe.own) random.permutation(recipe.count); // RandomSampler ends with a part of a permutation, here an empty one
    return [...made];
  });
}

/** An order as BatchSampler cuts it. `template` says what collate makes of n rows. */
export function cut(order: number[], size: number, dropLast: boolean, count: number | null, template: string | null): Epoch {
  const left = dropLast ? order.length % size : 0;
  const placed = order.length - left;
  const sizes = Array.from({ length: Math.ceil(placed / size) }, (_, b) => Math.min(size, placed - b * size));
  const times = new Map<number, number>();
  for (const at of order.slice(0, placed)) times.set(at, (times.get(at) ?? 0) + 1);
  const drawn = new Set(order);
  const never = count === null ? [] : Array.from({ length: count }, (_, i) => i).filter((i) => !drawn.has(i));
  return {
    steps: order, sizes, dropped: left, never: never.slice(0, 40), whole: true,
    facts: { batches: sizes.length, rows: placed, dropped: left, repeated: [...times.values()].filter((n) => n > 1).length, never: count === null ? null : never.length },
    collated: template ? sizes.map((n) => template.replaceAll("[n", `[${n}`)) : [],
  };
}

/** The batch of each step; -1 for what is dropped. */
export function batchOf(epoch: Epoch): number[] {
  const made = epoch.sizes.flatMap((size, b) => Array<number>(size).fill(b));
  return [...made, ...Array<number>(epoch.steps.length - made.length).fill(-1)];
}

export function words(f: Facts, batched = true): string {
  const said = [`${f.rows} rows${batched ? ` in ${f.batches} ${f.batches === 1 ? "batch" : "batches"}` : ", one by one"}`];
  if (f.dropped) said.push(`${f.dropped} dropped: drawn, but in no batch`);
  if (f.repeated) said.push(`${f.repeated} more than once`);
  if (f.never) said.push(`${f.never} never drawn`);
  if (f.never === 0 && !f.repeated && !f.dropped) said.push("every row once");
  return said.join("; ");
}

function pairs(epoch: Epoch): Set<string> {
  const found = new Set<string>();
  const of = batchOf(epoch);
  for (let i = 0; i < of.length; i++) for (let j = i + 1; j < of.length && of[j] === of[i] && of[i] >= 0; j++) {
    const [a, b] = [epoch.steps[i], epoch.steps[j]];
    if (a !== b) found.add(a < b ? `${a} ${b}` : `${b} ${a}`);
  }
  return found;
}

/** How an epoch differs from the one before, whose number is given. */
export function meetAgain(before: Epoch, after: Epoch, number: number): string {
  const same = before.steps.length === after.steps.length && before.steps.every((at, i) => at === after.steps[i]);
  if (same && before.sizes.join() === after.sizes.join()) return `the same order as epoch ${number}`;
  const [first, second] = [pairs(before), pairs(after)];
  const moved = after.steps.filter((at, i) => i < before.steps.length && at !== before.steps[i]).length;
  return `another order than epoch ${number}: ${moved} of ${after.steps.length} places hold another row; of ${first.size} pairs that shared a batch, ${[...first].filter((p) => second.has(p)).length} meet again`;
}
