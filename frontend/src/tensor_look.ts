// What the tensor inspector is given (see gradviz/widgets/tensors/tensor_inspector.py), and its styles.
import type { Num } from "./types";
import type { Packed } from "./tensor_data";

export interface Face {
  source: "value" | "gradient";
  part: string;
  count: number;
  nan: number;
  inf: number;
  plus: number;
  minus: number;
  zero: number;
  min: Num | null;
  max: Num | null;
  mean: Num | null;
  std: Num | null;
  norm: Num | null;
  at: [number, number];
  hist: { low: number; high: number; counts: number[]; whole: boolean } | null;
  marks: [flat: number, kind: string][];
  classes: [value: number, count: number][] | null;
  top: number;
  full: number;
  black: number;
  white: number;
  data: Packed;
}

export interface Tensor {
  name: string;
  shape: number[];
  dtype: string;
  facts: [string, string][];
  axes: [number[], number[]];
  image: "chw" | "hwc" | "hw" | null;
  faces: Face[];
}

export interface TensorData {
  title: string;
  note: string;
  live: boolean;
  as_image: boolean;
  tensors: Tensor[];
}

export interface Piece {
  tensor: number;
  face: number;
  origin: number[];
  data: Packed;
}

export const CSS = `
.box{display:grid;grid-template-columns:minmax(0,1fr) 284px;border-top:1px solid var(--line);position:relative}
.box.many{grid-template-columns:206px minmax(0,1fr) 284px}
.list{border-right:1px solid var(--line);display:flex;flex-direction:column;height:0;min-height:100%;background:var(--panel)}
.list input{margin:8px;height:28px;border:1px solid var(--line);border-radius:6px;padding:0 8px;background:var(--bg)}
.list [role=listbox]{overflow:auto;flex:1;padding:4px}
.list [role=option]{display:grid;grid-template-columns:minmax(0,1fr) 46px;gap:0 6px;padding:5px 8px;border-radius:6px;cursor:pointer;align-items:center}
.list [role=option]:hover{background:var(--frame)}.list [aria-selected=true]{background:var(--fwd-bg);box-shadow:inset 3px 0 0 var(--fwd)}
.list b{font-weight:600;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}.list small{color:var(--soft);font:11px var(--mono);overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.list svg{width:46px;height:18px;grid-row:span 2;margin:0}.list .warn{color:var(--bad);font-weight:700}
.main{min-width:0;padding:10px 14px 12px}
.bar{display:flex;flex-wrap:wrap;gap:6px 8px;align-items:center;margin-bottom:8px}
.bar label,.dims label{display:inline-flex;align-items:center;gap:6px;color:var(--soft);font-size:12px}
.bar .icon{border:1px solid var(--line)}
.heats{display:grid;gap:14px;grid-template-columns:minmax(0,1fr)}.heats.two{grid-template-columns:repeat(2,minmax(0,1fr))}
.heat h4{margin:0 0 2px}.heat h4.value{color:var(--fwd)}.heat h4.gradient{color:var(--bwd)}
canvas{display:block;width:100%;touch-action:pan-y;cursor:crosshair}
.number{font:600 34px/1.6 var(--mono);overflow-wrap:anywhere}
.scale{display:flex;align-items:center;gap:4px 8px;font:11px var(--mono);color:var(--soft);margin-top:6px;white-space:nowrap}
.scale:has(.key){flex-wrap:wrap}.scale>i{flex:0 1 150px;min-width:30px;height:8px;border-radius:4px;border:1px solid var(--line)}.scale .key{display:inline-flex;align-items:center;gap:4px}
.scale .key i{width:11px;height:11px;border-radius:2px}
.dims{display:grid;gap:4px;margin-top:10px;padding-top:10px;border-top:1px solid var(--line)}
.dims div{display:grid;grid-template-columns:118px 96px minmax(60px,1fr) 74px;gap:10px;align-items:center;min-height:28px;font-size:12px;color:var(--soft)}
.dims select{height:26px}.dims output{font:12px var(--mono);color:var(--ink)}.dims input{--fill:var(--line)}
.side{border-left:1px solid var(--line);padding:10px 14px 12px;min-width:0}
.side section+section{margin-top:12px;padding-top:10px;border-top:1px solid var(--line)}
.side dl{display:grid;grid-template-columns:92px minmax(0,1fr);gap:1px 8px;margin:0;font-size:12px}
.side dt{color:var(--soft)}.side dd{margin:0;font-family:var(--mono);font-size:12px;overflow-wrap:anywhere}
.stats{border-collapse:collapse;width:100%;font-size:12px}.stats th{text-align:left;font-weight:400;color:var(--soft);vertical-align:top;padding:1px 8px 1px 0;white-space:nowrap}
.stats thead th{font-weight:600}.stats td{font-family:var(--mono);vertical-align:top;padding:1px 6px 1px 0;overflow-wrap:anywhere}
.stats .value{color:var(--fwd)}.stats .gradient{color:var(--bwd)}.stats .bad{color:var(--bad);font-weight:700}
.stats small{color:var(--soft);font-weight:400;margin-left:5px}.stats .bad small{color:var(--bad)}
.stats button{height:18px;padding:0 5px;border-color:var(--line);border-radius:4px;font:11px/1 var(--mono);color:var(--fwd);margin-left:5px}
.spread{max-width:520px;margin-top:10px}.hist{display:block;width:100%;height:auto}.ends{display:flex;justify-content:space-between;font:11px var(--mono);color:var(--soft)}.hist .plus{fill:var(--fwd);opacity:.8}.hist .minus{fill:var(--bwd);opacity:.8}
.hist .floor{stroke:var(--soft)}.hist .here{stroke:var(--ink);stroke-width:1.5}
.marks{display:flex;flex-wrap:wrap;gap:3px;margin-top:4px;max-height:92px;overflow:auto}
.marks button{height:20px;padding:0 6px;border-color:var(--line);border-radius:4px;font:11px var(--mono);color:var(--bad)}
.tip{position:absolute;pointer-events:none;background:var(--ink);color:var(--bg);font:12px var(--mono);padding:3px 8px;border-radius:5px;white-space:nowrap;z-index:2}
.said{min-height:30px;white-space:pre-wrap;font-family:var(--mono);font-size:13px}
.twin li{white-space:pre-wrap}
.note{padding:6px 16px;border-top:1px solid var(--line);font-size:12px;color:var(--soft)}
@container (max-width:899px){.box.many{grid-template-columns:minmax(0,1fr) 250px}.list{grid-column:1/-1;height:150px;min-height:0;border-right:0;border-bottom:1px solid var(--line)}}
@container (max-width:699px){.box,.box.many{grid-template-columns:minmax(0,1fr)}.side{border-left:0;border-top:1px solid var(--line)}.heats.two{grid-template-columns:minmax(0,1fr)}
.dims div{grid-template-columns:100px 90px minmax(50px,1fr) 62px}}
`;
