// The mouse and the finger on the picture: drag to move, Ctrl and the wheel to zoom, click to choose.
import type { Camera } from "./camera";

export function hand(stage: HTMLElement, camera: Camera, click: (e: PointerEvent) => void): void {
  let from: { x: number; y: number; far: boolean } | null = null;
  stage.addEventListener("pointerdown", (e) => {
    if (e.button !== 0 || (e.target as Element).closest?.("button,.twin,.help,.search")) return;
    from = { x: e.clientX, y: e.clientY, far: false };
  });
  stage.addEventListener("pointermove", (e) => {
    if (!from) return;
    const dx = e.clientX - from.x;
    const dy = e.clientY - from.y;
    if (!from.far && Math.hypot(dx, dy) < 4) return;
    if (!from.far) stage.setPointerCapture?.(e.pointerId);
    stage.classList.add("dragging");
    camera.moved = true;
    camera.pan(dx, dy);
    from = { x: e.clientX, y: e.clientY, far: true };
  });
  const up = (e: PointerEvent): void => {
    const still = from && !from.far && e.type === "pointerup";
    from = null;
    stage.classList.remove("dragging");
    if (still) click(e);
  };
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", up);
  stage.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey) return; // the page scrolls
    e.preventDefault();
    const area = stage.getBoundingClientRect();
    camera.moved = true;
    camera.zoom(Math.exp(-e.deltaY * 0.0022), e.clientX - area.left, e.clientY - area.top);
  }, { passive: false });
}
