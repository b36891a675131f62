// What reaches beyond the right edge of a view, and how far; what scrolls or is cut off inside it does not.
host => {
  const edge = host.getBoundingClientRect().right + 1;
  const clipped = (e) => {
    for (let p = e.parentElement; p; p = p.parentElement) if (/auto|scroll|hidden|clip/.test(getComputedStyle(p).overflowX) && p.className !== "view") return true;
    return false;
  };
  return [...host.shadowRoot.querySelectorAll("*")]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > edge && !e.closest("svg svg, svg *") && !clipped(e))
    .map((e) => `${e.tagName}.${e.getAttribute("class")} ${Math.round(e.getBoundingClientRect().right - edge)}`).slice(0, 5);
}
