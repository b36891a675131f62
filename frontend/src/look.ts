// The graph viewer's own styles, on top of the kit's.
export const GRAPH = `
.main{display:grid;grid-template-columns:minmax(0,1fr)}
.beside{grid-template-columns:minmax(0,1fr) 340px}
.beside .card{grid-column:2;grid-row:1/3;border-left:1px solid var(--line);display:block;height:0;min-height:100%}
.beside .transport,.beside .extra{grid-column:1/3}
.stage{position:relative;border-top:1px solid var(--line);background:var(--panel);overflow:hidden;cursor:grab;touch-action:pan-y}
.stage.dragging{cursor:grabbing}
.graph{display:block;width:100%;height:100%;user-select:none}
.card{border-top:1px solid var(--line);padding:4px 16px 12px;outline-offset:-2px!important;display:grid;grid-template-columns:repeat(auto-fit,minmax(250px,1fr));column-gap:28px;align-content:start;overflow:auto;height:290px}
.who{grid-column:1/-1}
.tools{display:flex;flex-wrap:wrap;align-items:center;gap:2px}
.zoom{margin-left:6px}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:11px;color:var(--soft);background:var(--panel);padding:4px 16px 6px}
.legend span{display:flex;align-items:center;gap:4px}
.glyph{width:12px;height:12px;flex:none}
.ring{fill:none;stroke:currentColor;stroke-width:1.5}.fill{fill:currentColor}.freed .ring{stroke-dasharray:2 2}
.search{position:absolute;left:10px;top:10px;display:flex;align-items:center;gap:6px;background:var(--bg);border:1px solid var(--line);border-radius:8px;padding:3px 8px;box-shadow:var(--shade)}
.search input{border:0;background:none;width:170px;height:26px;outline:none}
.frames rect{fill:var(--frame);stroke:var(--line);stroke-dasharray:2 4}
.frames text{font:600 11px var(--sans);fill:var(--soft)}
.wire{fill:none;stroke:var(--edge);stroke-width:1.4}
.tip{fill:var(--edge)}.back,.pulse{display:none}
.forward .wire,.backward .wire{stroke:var(--now);stroke-width:2.6}.forward .tip,.back{fill:var(--now)}.backward .back{display:block}.backward .tip{display:none}
.forward .pulse,.backward .pulse{display:block;fill:none;stroke:var(--panel);stroke-width:2;stroke-dasharray:2 12;stroke-linecap:round;animation:flow .8s linear 4}
.backward .pulse{animation-direction:reverse}
@keyframes flow{from{stroke-dashoffset:14}to{stroke-dashoffset:0}}
.node{cursor:pointer}
.node text{pointer-events:none}
.title{font:600 13px var(--sans);fill:var(--ink)}
.leaf .title,.portal .title{fill:var(--leaf)}.group .title{fill:var(--upd)}
.portal .title{font-size:11px;text-anchor:middle}
.sub{font:11px var(--mono);fill:var(--soft);text-anchor:end}
.box{fill:var(--node);stroke:var(--line);stroke-width:1.2}
.leaf .box,.portal .box{fill:var(--leaf-bg);stroke:var(--leaf)}
.portal .box{stroke-dasharray:3 3}
.const .box{stroke:var(--edge);stroke-dasharray:4 3}
.group .box{fill:var(--upd-bg);stroke:var(--upd)}
.ghost .box{fill:var(--panel);stroke-dasharray:3 3}.ghost .title,.ghost .sub{fill:var(--soft)}
.glow{fill:none;stroke:none}
.node:hover .glow{stroke:var(--line);stroke-width:3}
.stage{--now:var(--bwd)}.stage[data-phase=forward]{--now:var(--fwd)}.stage[data-phase=update]{--now:var(--upd)}
.near .box{stroke:var(--now);stroke-width:1.8}
.current .box{stroke:var(--now);stroke-width:2.2}.current .glow{stroke:color-mix(in srgb,var(--now) 28%,transparent);stroke-width:5}
.selected .glow{stroke:var(--ink)!important;stroke-width:1.6;stroke-dasharray:4 3}
.found .box{fill:color-mix(in srgb,var(--mark) 45%,var(--node))}
.row{color:var(--bwd)}.row.value{color:var(--fwd)}.row.off{display:none}
.row.none,.row.freed,.row.zeroed{color:var(--soft)}.row.stored{color:var(--leaf)}
.bar{fill:var(--bwd-bg)}.value .bar{fill:var(--fwd-bg)}.none .bar,.zeroed .bar{fill:none}.freed .bar{fill:var(--frame)}.stored .bar{fill:var(--leaf-bg)}
.row text{font:500 11.5px var(--mono);fill:currentColor}
.row .number{text-anchor:end}.row .part{font-size:11px;font-weight:700}
.message rect{fill:var(--node);stroke:var(--now);stroke-width:1.4}
.message[data-slot^=sum] rect{fill:var(--bwd-bg);stroke-width:2.2}
.message text{font-family:var(--mono);fill:var(--ink);white-space:pre}
.message tspan{font-weight:700;fill:var(--now)}
.who{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 9px;padding:10px 0 6px}
.who strong{font-size:17px;overflow-wrap:anywhere}.who code{color:var(--soft);font:12px var(--mono)}
.kind{font:600 11px/20px var(--mono);border-radius:5px;padding:0 7px;background:var(--panel);border:1px solid var(--line)}
.kind.leaf{background:var(--leaf-bg);color:var(--leaf);border-color:transparent}
section{padding:7px 0 5px;min-width:0}
.maths{font:13px/1.55 var(--mono);margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
.gradient b,.part b{color:var(--bwd)}
.leafgrad{margin-top:6px;padding:6px 9px;border-radius:6px;background:var(--leaf-bg)}.leafgrad b{color:var(--leaf)}
.state{height:20px;padding:0 8px;font-size:11px}
.state.final,.state.partial{background:var(--bwd-bg);color:var(--bwd)}.state.stored{background:var(--leaf-bg);color:var(--leaf)}
.part{display:grid;grid-template-columns:max-content minmax(0,1fr);column-gap:10px;padding:3px 0;align-items:baseline}
.part .from{font-size:12px;color:var(--soft);max-width:130px;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.part .numbers,.part .sum{grid-column:2}
.sum{font:12px/1.5 var(--mono);color:var(--soft)}
.link{height:auto;padding:0 2px;color:var(--fwd);font-weight:600}
.tensor{margin-top:6px}.tensor.one{font:600 16px var(--mono)}
.scroll{overflow:auto;max-height:230px}
.tensor table{border-collapse:separate;border-spacing:2px;font:12px var(--mono)}
.tensor td{padding:2px 6px;text-align:right;border-radius:4px;--a:0%}
.plus{background:color-mix(in srgb,var(--fwd) var(--a),var(--bg))}.minus{background:color-mix(in srgb,var(--bwd) var(--a),var(--bg))}
.tensor .bad{background:var(--bad);color:var(--bg)}
tr.apart td{border-top:3px solid transparent;background-clip:padding-box}
.stats{display:flex;flex-wrap:wrap;gap:2px 14px;margin:6px 0 0;font:12px var(--mono)}
.stats div{display:flex;gap:5px}.stats dt{color:var(--soft)}.stats dd{margin:0}
.source{margin:0;padding:7px 10px;border-radius:6px;background:var(--panel);font:12.5px/1.5 var(--mono);white-space:pre-wrap;overflow-wrap:anywhere}
.lineno{color:var(--soft)}
`;
