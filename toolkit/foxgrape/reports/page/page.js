"use strict";
// Draw every figure of the page, in the colours of the reader's light or dark theme.
(function () {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const ink = () => getComputedStyle(document.body).color;

  function draw() {
    for (const figure of document.querySelectorAll("figure.plot")) {
      const spec = JSON.parse(figure.querySelector("script").textContent);
      const place = figure.querySelector("div");
      const layout = Object.assign({}, spec.layout, {
        font: Object.assign({}, spec.layout.font, { color: ink() }),
        autosize: true,
      });
      Plotly.react(place, spec.data, layout, {
        responsive: true,
        displaylogo: false,
        modeBarButtonsToRemove: ["lasso2d", "select2d"],
      });
    }
  }

  draw();
  dark.addEventListener("change", draw);
  // Print in the ink of paper, and at the width of the sheet.
  window.addEventListener("beforeprint", draw);
  window.addEventListener("afterprint", draw);
})();
