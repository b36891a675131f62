// The controls of a view that a screen reader could not name.
host => [
  ...host.shadowRoot.querySelectorAll("button, input, select, textarea, summary, a[href], [tabindex]"),
]
  .filter((e) => e.checkVisibility() && e.tabIndex >= 0)
  .filter((e) => !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.closest("label")
    || (!/^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName) && e.textContent.trim())))
  .map((e) => e.outerHTML.slice(0, 120))
