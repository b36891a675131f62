// LossCurve: the curves over the steps of a run, and what comes from the kernel while it goes on.
import { Chart, type Told } from "../chart";
import type { CurveData } from "../curve";
import { g } from "../number";
import { register, type Handle, type Port } from "../register";

export function mountLossCurve(host: HTMLElement, data: CurveData, port?: Port): Handle {
  const label = `${data.title}: curves over steps. Arrow keys move the cursor, plus and minus zoom, question mark lists the keys.`;
  const chart = new Chart(host, data.title, label, data, port);
  port?.hear((told: Told, buffers) => chart.hear(told, buffers));
  const thinned = (): void => {
    const some = chart.curve.lines.filter((l) => !l.whole);
    if (!some.length) return;
    const all = some.reduce((n, l) => n + l.count, 0);
    const kept = some.reduce((n, l) => n + l.steps.length, 0);
    chart.shell.status(`${g(kept, 10)} of ${g(all, 10)} values: the first, lowest, highest and last of every column. ${port ? "Look closer and the kernel sends the rest." : "No spike is missing."}`);
  };
  chart.news();
  thinned();
  void chart.shell.mark("data-ready");
  return {
    update(next) {
      chart.curve.take(next as CurveData);
      chart.news();
      thinned();
    },
    close: () => chart.shell.close(),
  };
}

register("loss_curve", mountLossCurve);
