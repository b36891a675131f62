// What the module tree is given (see gradviz/widgets/tensors/module_tree.py), its columns, and its styles.
export type Parameter = [name: string, shape: string, count: number, dtype: string, flags: string, shared?: string];

export interface Row {
  n: string; // name
  c: string; // class
  u: number; // the row above it
  s: number; // rows with the same number look the same
  m: "train" | "eval" | "mixed";
  x?: string; // settings
  own?: number; // parameters: its own, all, those that learn
  all?: number;
  learn?: number;
  b?: number; // bytes of parameters, gradients, buffers
  g?: number;
  f?: number;
  d?: number; // which dtype and device
  o?: string; // shapes out and in, calls
  i?: string;
  k?: number;
  fl?: number; // FLOPs
  a?: number; // bytes of activations
  h?: number; // hooks
  same?: number; // the row of the same module
  lazy?: boolean;
  bad?: boolean; // where the run stopped
  p?: Parameter[];
}

export interface TreeData {
  title: string;
  totals: string;
  facts: { params: number; trainable: number; bytes: number; grads: number; buffers: number; flops: number; memory: number };
  ran: boolean;
  counted: boolean;
  note: string;
  error: string;
  columns: string[];
  depth: number;
  kinds: [string, string][];
  rows: Row[];
}

export interface Item {
  key: string;
  kind: "module" | "group" | "parameter";
  row: number;
  level: number;
  members: number[]; // the rows a group stands for
  parameter?: Parameter;
  up: Item | null;
}

export interface Column {
  title: string;
  wide: number;
  right?: boolean;
  rank: number; // the smaller, the sooner it is shown
}

export const COLUMNS: Record<string, Column> = {
  settings: { title: "settings", wide: 170, rank: 7 },
  output: { title: "output", wide: 122, rank: 2 },
  params: { title: "parameters", wide: 92, right: true, rank: 1 },
  share: { title: "share", wide: 112, rank: 3 },
  memory: { title: "memory", wide: 76, right: true, rank: 8 },
  activations: { title: "activations", wide: 84, right: true, rank: 9 },
  flops: { title: "FLOPs", wide: 66, right: true, rank: 4 },
  mode: { title: "mode", wide: 70, rank: 6 },
  learns: { title: "learns", wide: 92, rank: 5 },
  dtype: { title: "dtype", wide: 76, rank: 10 },
  device: { title: "device", wide: 62, rank: 11 },
};

export const CSS = `
.tools{display:flex;flex-wrap:wrap;gap:6px 8px;align-items:center;padding:0 14px 10px}
.tools input[type=search]{flex:0 1 240px;min-width:120px;height:28px;border:1px solid var(--line);border-radius:6px;padding:0 8px;background:var(--bg)}
.tools>button,.tools summary{border:1px solid var(--line)}.tools small{color:var(--soft)}
details.menu{position:relative}.menu summary{list-style:none;height:28px;line-height:26px;border-radius:6px;padding:0 8px;cursor:pointer;color:var(--soft)}
.menu summary:hover{background:var(--panel);color:var(--ink)}
.menu>div{position:absolute;z-index:3;right:0;top:32px;background:var(--bg);border:1px solid var(--line);border-radius:8px;padding:6px 12px;box-shadow:var(--shade);display:grid;gap:2px;white-space:nowrap}
.menu label{display:flex;gap:7px;align-items:center;min-height:24px}
.error{margin:0 14px 10px;padding:8px 12px;border-radius:7px;background:var(--bad-bg);color:var(--bad);font-weight:600;overflow-wrap:anywhere}
.box{display:grid;grid-template-columns:minmax(0,1fr) 290px;border-top:1px solid var(--line);position:relative}
.left{min-width:0;overflow-x:auto}
.head,.row{display:grid;align-items:center;column-gap:10px;padding:0 14px}
.head{height:26px;font-size:11.5px;color:var(--soft);border-bottom:1px solid var(--line);background:var(--panel)}
.head .right,.row .right{text-align:right}
.tree{overflow-y:auto;overflow-x:hidden;max-height:560px;outline-offset:-2px;position:relative}
.row{height:26px;cursor:default;font-size:12.5px;white-space:nowrap;border-bottom:1px solid var(--frame)}
.row:hover{background:var(--panel)}.row[aria-selected=true]{background:var(--fwd-bg);box-shadow:inset 3px 0 0 var(--fwd)}
.row>*{overflow:hidden;text-overflow:ellipsis}
.name{display:flex;align-items:center;gap:6px;min-width:0;height:100%}.name b{font-weight:600;overflow:hidden;text-overflow:ellipsis;flex:0 0 auto;max-width:62%}
.guide{flex:none;width:16px;align-self:stretch;border-left:1px solid var(--line);margin-left:7px}
.twist{flex:none;width:14px;text-align:center;color:var(--soft);cursor:pointer;font-size:10px;transition:transform .12s}
.row[aria-expanded=true] .twist{transform:rotate(90deg)}
.kind{overflow:hidden;text-overflow:ellipsis;flex:0 1 auto;min-width:24px}.kind.leafy{color:var(--fwd)}.kind.holder{color:var(--upd)}.kind.parameter{color:var(--leaf)}
.times{flex:none;font-weight:700;color:var(--bwd);background:var(--bwd-bg);border-radius:9px;padding:0 7px;font-size:11.5px;line-height:17px}
.tag{flex:0 2 auto;overflow:hidden;text-overflow:ellipsis;font-size:11px;line-height:16px;border:1px solid var(--line);border-radius:4px;padding:0 5px;color:var(--soft);background:var(--bg)}
.tag.bad{color:var(--bad);border-color:var(--bad);font-weight:700}
.mono{font-family:var(--mono);font-size:12px}.soft{color:var(--soft)}.off{color:var(--bwd)}
.share{display:flex;align-items:center;gap:6px}.share i{flex:1;height:8px;border-radius:3px;background:var(--frame);overflow:hidden}
.share i::before{content:"";display:block;height:100%;width:var(--part);min-width:1px;background:var(--fwd)}.share small{flex:none;width:54px;text-align:right;font:11px var(--mono);color:var(--soft)}
mark{background:var(--mark);color:inherit;border-radius:2px}
.side{border-left:1px solid var(--line);padding:10px 14px 12px;min-width:0;overflow-y:auto;max-height:588px}
.side h4{color:var(--ink);font-size:13px}.side .path{font:12px/1.5 var(--mono);color:var(--soft);overflow-wrap:anywhere}
.side dl{display:grid;grid-template-columns:92px minmax(0,1fr);gap:1px 8px;margin:8px 0 0;font-size:12px}.side dt{color:var(--soft)}.side dd{margin:0;overflow-wrap:anywhere}
.side table{border-collapse:collapse;width:100%;margin-top:10px;font-size:12px}.side th{font-weight:400;color:var(--soft);text-align:left;padding:2px 6px 2px 0;border-bottom:1px solid var(--line)}
.side td{padding:2px 6px 2px 0;vertical-align:top;border-bottom:1px solid var(--frame)}.side td:first-child{overflow-wrap:anywhere}.side td:nth-child(n+3){white-space:nowrap}.side button.link{height:auto;padding:0;color:var(--fwd);text-decoration:underline;white-space:normal;text-align:left}
.note{padding:6px 16px;border-top:1px solid var(--line);font-size:12px;color:var(--soft)}
.none{padding:16px;color:var(--soft)}
@container (max-width:859px){.box{grid-template-columns:minmax(0,1fr)}.side{border-left:0;border-top:1px solid var(--line);max-height:none}}
`;
