// What every view looks like: colours for both themes (each text colour at least 4.5:1 on its ground), type, buttons, frame.
export const KIT = `
:host{all:initial;display:block;container-type:inline-size;contain:inline-size layout style;margin:4px 0;
 --bg:#fff;--panel:#f8fafc;--node:#fff;--ink:#172033;--soft:#556074;--line:#cbd3df;--edge:#8592a6;--frame:#eef2f7;
 --fwd:#1d5fc4;--fwd-bg:#e9f1fd;--bwd:#b04708;--bwd-bg:#fdf0e4;--upd:#5b3da8;--upd-bg:#f3effc;
 --leaf:#0b6b60;--leaf-bg:#e7f6f3;--mark:#ffd84d;--bad:#b3123e;--bad-bg:#fdebf0;--shade:0 1px 2px #17203314,0 2px 6px #1720330f;
 --s0:#1d5fc4;--s1:#b04708;--s2:#0b6b60;--s3:#5b3da8;--s4:#a31562;--s5:#5c6b00;
 --mono:var(--jp-code-font-family,ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace);
 --sans:var(--jp-ui-font-family,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif);
 font:13px/1.45 var(--sans);color:var(--ink);color-scheme:light}
:host([data-theme=dark]){--bg:#161b26;--panel:#12161f;--node:#1c2230;--ink:#e8edf6;--soft:#a3aec1;--line:#3a4559;--edge:#77859d;--frame:#1f2633;
 --fwd:#7fb2ff;--fwd-bg:#1a2c4a;--bwd:#ffab6b;--bwd-bg:#402819;--upd:#bda6ff;--upd-bg:#2a2347;
 --s0:#7fb2ff;--s1:#ffab6b;--s2:#5fd3c0;--s3:#bda6ff;--s4:#ff8ac4;--s5:#cbd65a;
 --leaf:#5fd3c0;--leaf-bg:#15332f;--mark:#8a6d00;--bad:#ff8fab;--bad-bg:#451a27;--shade:0 1px 3px #0008;color-scheme:dark}
:host([hidden]){display:none}
*{box-sizing:border-box}
.view{background:var(--bg);border:1px solid var(--line);border-radius:10px;overflow:hidden}
:host(:focus-visible) .view,:host(:focus-within) .view{border-color:var(--fwd);box-shadow:0 0 0 1px var(--fwd)}
:host(:focus){outline:none}
header{display:flex;flex-wrap:wrap;align-items:center;gap:6px 8px;padding:10px 12px 10px 16px}
h3{font:600 15px/1.3 var(--sans);margin:0 6px 0 0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;max-width:100%}
.grow{flex:1}
button,select,input{font:inherit;color:inherit}
button,select{height:28px;border:1px solid transparent;border-radius:6px;background:none;padding:0 8px;cursor:pointer;color:var(--soft);white-space:nowrap}
button:hover,select:hover{background:var(--panel);color:var(--ink)}
button:focus-visible,select:focus-visible,input:focus-visible,summary:focus-visible,[tabindex]:focus-visible{outline:2px solid var(--fwd);outline-offset:1px}
button[aria-pressed=true],button[aria-selected=true]{background:var(--fwd-bg);color:var(--fwd)}
button[aria-disabled]{cursor:default}button[aria-disabled] svg{opacity:.35}
select{border-color:var(--line);background:var(--bg)}
button svg{display:block;width:16px;height:16px;fill:currentColor}
.icon{width:30px;padding:0;display:inline-grid;place-items:center}
.group{display:inline-flex;border:1px solid var(--line);border-radius:7px;overflow:hidden}
.group>button{border:0;border-radius:0}.group>button+button{border-left:1px solid var(--line)}
.group>button:focus-visible{outline-offset:-2px}
.chip{display:inline-flex;align-items:center;gap:5px;height:22px;border-radius:11px;padding:0 9px;font:600 12px var(--sans);white-space:nowrap;background:var(--panel);color:var(--soft)}
.forward{background:var(--fwd-bg);color:var(--fwd)}.backward{background:var(--bwd-bg);color:var(--bwd)}.update{background:var(--upd-bg);color:var(--upd)}
.said{padding:0 16px 10px;min-height:32px;max-height:92px;overflow:auto;font-size:14px;overflow-wrap:anywhere}
.status{padding:6px 16px;border-top:1px solid var(--line);font-size:12px;color:var(--soft)}
.status:empty{display:none}.status[data-level=error]{color:var(--bad);font-weight:600}
.transport{display:flex;align-items:center;gap:12px;padding:8px 12px;border-top:1px solid var(--line);background:var(--panel);flex-wrap:wrap}
.transport .icon{width:34px;height:30px;color:var(--ink);background:var(--bg)}
.transport .icon:hover{background:var(--fwd-bg)}
.transport .play,.transport .play:hover{width:40px;background:var(--fwd);color:var(--bg)}
.track{flex:1;min-width:180px;display:grid;gap:1px}
.stretches{display:flex;height:15px;gap:2px;font:600 11px/15px var(--sans)}
.stretches span{min-width:0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;background:none}
.count{font:12px var(--mono);color:var(--soft);min-width:62px;text-align:right;font-variant-numeric:tabular-nums}
input[type=range]{-webkit-appearance:none;appearance:none;width:100%;height:18px;margin:0;background:none;cursor:pointer;border-radius:9px}
input[type=range]::-webkit-slider-runnable-track{height:6px;border-radius:3px;background:var(--fill)}
input[type=range]::-moz-range-track{height:6px;border-radius:3px;background:var(--fill)}
input[type=range]::-webkit-slider-thumb{-webkit-appearance:none;width:16px;height:16px;margin-top:-5px;border-radius:50%;background:var(--thumb,var(--fwd));border:2px solid var(--bg);box-shadow:0 0 0 1px var(--thumb,var(--fwd))}
input[type=range]::-moz-range-thumb{width:12px;height:12px;border-radius:50%;background:var(--thumb,var(--fwd));border:2px solid var(--bg);box-shadow:0 0 0 1px var(--thumb,var(--fwd))}
kbd{font:600 11px/16px var(--mono);border:1px solid var(--line);border-bottom-width:2px;border-radius:4px;padding:0 5px;white-space:nowrap}
.help,.twin{position:absolute;inset:0;overflow:auto;background:var(--bg);padding:10px 16px;cursor:auto}
.help dl{columns:2 220px;margin:0}.help dl div{display:flex;gap:10px;align-items:baseline;padding:3px 0;break-inside:avoid}
.help dt{min-width:112px;text-align:right}.help dd{margin:0;color:var(--soft)}
.hint{font:12px/1.5 var(--sans);color:var(--soft);margin:2px 0 0;overflow-wrap:anywhere}
h4{display:flex;align-items:center;flex-wrap:wrap;gap:4px 8px;font:600 12px/22px var(--sans);color:var(--soft);margin:0 0 3px;overflow-wrap:anywhere}
.twin ol{margin:0;padding:0;list-style:none;font:12.5px/1.5 var(--mono);counter-reset:s}
.twin li{background:none;color:var(--ink);counter-increment:s;padding:2px 8px 2px 46px;border-radius:5px;cursor:pointer;overflow-wrap:anywhere;position:relative}
.twin li::before{content:counter(s);position:absolute;left:0;width:36px;text-align:right;color:var(--soft)}
.twin li[aria-current]{background:var(--bwd-bg)}.twin li.forward[aria-current]{background:var(--fwd-bg)}
.twin li.later{color:var(--soft)}
.quiet{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
[hidden]{display:none!important}
@media (prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important}}
@media print{.transport,.tools{display:none}}
`;
