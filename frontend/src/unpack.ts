// From the compact form in the page (see gradviz/widgets/replay.py: values once each, named by number) to `Data`.
import type { Data, Num, Recording, Scene, Step, Value } from "./types";

type Packed = [shape: number[], dtype: string, data: Num[] | null, stats?: Num[]];
const STATS = ["min", "max", "mean", "std", "norm", "nan", "inf", "zero"] as const;

function revive([shape, dtype, data, stats]: Packed): Value {
  const value: Value = { shape, dtype, data };
  if (stats) STATS.forEach((name, i) => ((value as unknown as Record<string, Num>)[name] = stats[i]));
  return value;
}

/** Only maths is shown: a text that names the library's own parts says nothing to a reader. */
function readable(formula: string | null | undefined): string | undefined {
  return formula && !/(^|\W)(_\w|xp\b|F\b)|\w=/.test(formula) ? formula : undefined;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function unpack(packed: any): Data {
  const table: Value[] = packed.values.map(revive);
  const at = (i: number | null): Value | null => (i === null || i === undefined ? null : table[i]);
  const record = packed.record as Recording;
  for (const node of record.nodes) {
    node.value = at(node.value as unknown as number);
    for (const key of ["path", "label", "op"] as const) node[key] ??= "";
    node.inputs ??= [];
    node.forward = readable(node.forward);
    node.rules = Object.fromEntries(Object.entries(node.rules ?? {}).map(([slot, rule]) => [slot, readable(rule) ?? "" ]));
    node.requires_grad ??= false;
    node.shape ??= [];
  }
  for (const step of record.steps as (Step & Record<string, unknown>)[]) {
    for (const key of ["grad", "before", "after"]) if (key in step) (step as Record<string, unknown>)[key] = at(step[key] as number);
    for (const m of (step as { messages?: Record<string, unknown>[] }).messages ?? []) {
      for (const key of ["local", "product", "sum"]) m[key] = at(m[key] as number);
    }
  }
  return { title: packed.title, record, scenes: packed.scenes as Scene[], backward: packed.backward, note: packed.note, parts: packed.parts, extra: packed.extra };
}
