// The side view: projection, heights, the pointer's way back, and the painter's order.
import { describe, expect, it } from "vitest";
import { Camera, draped, faces, light, Mesh, ramp, RAMPS } from "../src/surface";

/** A net over heights given by a function of u and v in [-1, 1]. */
function net(rows: number, columns: number, height: (u: number, v: number) => number, bounds: [number, number][] = [[-2, 2], [-1, 3]]): Mesh {
  const raw = new Uint8Array(rows * columns * 2);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const z = height((2 * c) / (columns - 1) - 1, (2 * r) / (rows - 1) - 1);
      const whole = Number.isFinite(z) ? Math.round(z * 65534) : 65535;
      raw.set([whole & 255, whole >> 8], 2 * (r * columns + c));
    }
  }
  return new Mesh({ rows, columns, heights: btoa(String.fromCharCode(...raw)) }, bounds);
}
const bowl = net(21, 31, (u, v) => (u * u + v * v) / 2);

describe("camera", () => {
  it("shows the middle of the box in the middle, and what is nearer as larger", () => {
    const camera = new Camera(600, 400);
    camera.look(0, 30);
    const [x, y, far] = camera.see(0, 0, 0.5);
    expect(x).toBe(300);
    expect(y).toBeCloseTo(186, 6);
    expect(far).toBeCloseTo(0, 12);
    const width = (v: number): number => camera.see(1, v, 0)[0] - camera.see(-1, v, 0)[0];
    expect(width(-1)).toBeGreaterThan(width(1));
  });
  it("turns all the way round and never goes under the floor", () => {
    const camera = new Camera();
    camera.look(350, -50);
    expect([camera.turn, camera.tilt]).toEqual([-10, 4]);
    camera.look(-190, 500);
    expect([camera.turn, camera.tilt]).toEqual([170, 88]);
    for (let turn = 0; turn < 360; turn += 15) {
      for (const tilt of [4, 30, 88]) {
        camera.look(turn, tilt);
        for (const u of [-1, 1]) for (const v of [-1, 1]) for (const z of [0, 1]) {
          const [x, y] = camera.see(u, v, z);
          expect(x).toBeGreaterThan(40);
          expect(x).toBeLessThan(649);
          expect(y).toBeGreaterThan(-12);
          expect(y).toBeLessThan(435);
        }
      }
    }
  });
});

describe("net", () => {
  it("knows its heights between the knots and nothing outside", () => {
    expect(bowl.at(0, 1)).toBeCloseTo(0, 4);
    expect(bowl.at(2, 3)).toBeCloseTo(1, 4);
    expect(bowl.at(1, 1)).toBeCloseTo(0.125, 2);
    expect(bowl.at(2.01, 1)).toBeNaN();
    expect(bowl.at(NaN, 1)).toBeNaN();
  });
  it("finds the place under the pointer again", () => {
    const camera = new Camera();
    for (const [x, y] of [[0.3, 0.4], [-1.2, 1.9], [1.1, -0.5]]) {
      const seen = bowl.seen(camera, x, y)!;
      const found = bowl.under(camera, seen[0], seen[1]);
      const again = bowl.seen(camera, ...found)!;
      expect(Math.hypot(again[0] - seen[0], again[1] - seen[1])).toBeLessThan(1);
    }
  });
  it("has no faces where the function has no number", () => {
    const holed = net(5, 5, (u, v) => (u === 0 && v === 0 ? NaN : 0.5));
    expect(faces(holed, new Camera())).toHaveLength(12);
    expect(holed.seen(new Camera(), 0, 1)).toBeNull();
  });
  it("draws faces that overlap from the far one to the near one", () => {
    const camera = new Camera();
    const order = faces(bowl, camera).sort((a, b) => b.far - a.far);
    expect(order).toHaveLength(600);
    const near = order[order.length - 1].corners;
    expect(near.every((c) => c[2] < order[0].corners[0][2])).toBe(true);
  });
});

it("a walk lies on the net and is parted where it leaves it", () => {
  const camera = new Camera();
  const line = draped(bowl, camera, [[-1.5, 0], [1.5, 2], [5, 9], [0, 1]]);
  line.slice(0, 5).forEach((seen) => expect(seen).not.toBeNull());
  expect(line.some((seen) => seen === null)).toBe(true);
  expect(line[line.length - 1]).toEqual(bowl.seen(camera, 0, 1));
  const half = draped(bowl, camera, [[-1.5, 0], [1.5, 2]]);
  const [x, y] = [-1.5 + 3 / (half.length - 1), 2 / (half.length - 1)];
  expect(half[1]).toEqual(bowl.seen(camera, x, y));
});

it("colours rise with the height and light", () => {
  expect(ramp(0, "light")).toBe("rgb(169 200 238)");
  expect(RAMPS.light[0]).toBe("#a9c8ee");
  expect(ramp(-5, "dark")).toBe(ramp(0, "dark"));
  expect(ramp(9, "dark")).toBe(ramp(1, "dark"));
  expect(light([0, 0, 0, 0], 31, 21)).toBeGreaterThan(light([1, 0, 0, 1], 31, 21));
});
