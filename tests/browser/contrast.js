// The contrast of every text of a view with what lies behind it: its own box, or the nearest opaque ground above it.
host => {
  const rgb = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
    return colour.startsWith("color(") ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  const luminance = ([...colour]) => {
    const [r, g, b] = colour.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement ?? e.getRootNode().host) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const e of host.shadowRoot.querySelectorAll("*")) {
    if (e.tagName === "STYLE" || !e.checkVisibility()) continue;
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    let ink = getComputedStyle(e).color;
    let back = null;
    if (e.namespaceURI.endsWith("svg")) {
      ink = getComputedStyle(e).fill;
      const behind = e.closest("g")?.querySelector(":scope > .bar, :scope > .box, :scope > rect, :scope > circle");
      const fill = behind ? getComputedStyle(behind).fill : "none";
      back = fill === "none" ? ground(e.closest("svg")) : rgb(fill);
    } else {
      back = ground(e);
    }
    const [low, high] = [luminance(rgb(ink)), luminance(back)].sort((p, q) => p - q);
    found.push({ text: e.textContent.trim().slice(0, 30), ink, back: back.join(), ratio: (high + 0.05) / (low + 0.05) });
  }
  return found;
}
