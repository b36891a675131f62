// Where the picture stands in its window: scale k and offset (x, y), in window pixels.
export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

const LEAST = 0.05;
const MOST = 4;

export class Camera {
  k = 1;
  x = 0;
  y = 0;
  moved = false; // by the reader: then following the current node keeps the scale they chose
  onmove: () => void = () => undefined;

  constructor(
    public w = 800,
    public h = 400,
  ) {}

  fit(box: Box): void {
    this.k = Math.max(LEAST, Math.min(1.15, this.w / box.w, this.h / box.h));
    this.x = (this.w - box.w * this.k) / 2 - box.x * this.k;
    this.y = (this.h - box.h * this.k) / 2 - box.y * this.k;
    this.onmove();
  }

  zoom(by: number, px = this.w / 2, py = this.h / 2): void {
    const k = Math.max(LEAST, Math.min(MOST, this.k * by));
    this.x = px - ((px - this.x) * k) / this.k;
    this.y = py - ((py - this.y) * k) / this.k;
    this.k = k;
    this.onmove();
  }

  pan(dx: number, dy: number): void {
    this.x += dx;
    this.y += dy;
    this.onmove();
  }

  /** Bring a box into view with the smallest move; nothing happens when it is there already. */
  follow(box: Box, margin = 48): void {
    const shift = (low: number, high: number, room: number): number => {
      const m = Math.min(margin, Math.max(0, (room - (high - low)) / 2));
      return low < m ? m - low : high > room - m ? room - m - high : 0;
    };
    const dx = shift(box.x * this.k + this.x, (box.x + box.w) * this.k + this.x, this.w);
    const dy = shift(box.y * this.k + this.y, (box.y + box.h) * this.k + this.y, this.h);
    if (dx || dy) this.pan(dx, dy);
  }

  toScene(px: number, py: number): [number, number] {
    return [(px - this.x) / this.k, (py - this.y) / this.k];
  }
}
