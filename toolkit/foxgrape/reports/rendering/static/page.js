"use strict";
// Draw figures in the reader's colours, sort tables, and let the keyboard scroll wide content.
(function () {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const settings = document.documentElement.dataset;
  let printing = false;

  // The page's policy does not apply to new windows, and plotly.js can send figures through one.
  window.open = () => null;

  function draw() {
    for (const figure of all("figure.plot")) {
      try {
        const spec = JSON.parse(figure.querySelector("script").textContent);
        const place = figure.querySelector(".drawing");
        const ink = printing ? "#000" : getComputedStyle(document.body).color;
        const layout = { ...spec.layout, font: { ...spec.layout.font, color: ink }, autosize: true };
        // The width of an A4 or letter sheet without its margins.
        if (printing) layout.width = Math.min(layout.width || 680, 680);
        Plotly.react(place, spec.data, layout, {
          responsive: true,
          modeBarButtonsToRemove: ["lasso2d", "select2d"],
          ...spec.config,
        });
        // The caption describes the figure; screen readers skip its hundreds of marks and ticks.
        all("svg.main-svg", place).forEach((svg) => svg.setAttribute("aria-hidden", "true"));
        figure.classList.add("drawn");
      } catch (error) {
        figure.classList.add("failed");
      }
    }
  }

  function fail() {
    all("figure.plot").forEach((figure) => figure.classList.add("failed"));
  }

  function load() {
    if (window.Plotly) return draw();
    if (!settings.plotly) return fail();
    const script = document.createElement("script");
    // Browsers cannot check the hash of a file on disk, and refuse the file if one is set.
    if (location.protocol !== "file:") script.integrity = settings.integrity;
    script.onload = draw;
    script.onerror = fail;
    script.src = settings.plotly;
    document.head.append(script);
  }

  const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const MISSING = /^(nan|nat|none|null|<na>|n\/a|never|no event|not known|[-–—]?)$/i;
  const NUMBER = /^[<>≤≥~]?\s*[-+]?(\d{1,3}([, \u00a0\u2009\u202f]\d{3})+|\d+)?(\.\d+)?(e[-+]?\d+)?\s*%?$/i;
  const SPAN = /^(-?\d+) days?(?: \+?(\d+):(\d+):(\d+(?:\.\d+)?))?$/;
  const DURATION = /^(?:more than )?(?:just (above|below) zero|zero|(-?)(\d+) (minute|hour|day)s?(?: (\d+) hours?)?)/;
  const SECONDS = { minute: 60, hour: 3600, day: 86400 };
  const ISO = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[-+]\d\d:?\d\d)?)?$/;
  const DAY = /^(\d{1,2})(?: ([A-Z][a-z]{2}))?(?: (\d{4}))?(?: to \d{1,2})?(?: ([A-Z][a-z]{2}))?(?: (\d{4}))?(?:, (?:by )?(\d\d):(\d\d))?/;

  // Seconds of a duration in words, or of the first of two.
  function duration(plain) {
    const [match, side, sign, count, unit, hours] = DURATION.exec(plain) || [];
    if (!match) return NaN;
    if (!count) return side ? (side === "above" ? 1 : -1) : 0;
    return (sign ? -1 : 1) * (count * SECONDS[unit] + (hours || 0) * 3600);
  }

  function number(text) {
    const plain = text.replace(/\u2212/g, "-");
    const span = SPAN.exec(plain);
    if (span) return ((+span[1] * 24 + +(span[2] || 0)) * 60 + +(span[3] || 0)) * 60 + +(span[4] || 0);
    if (DURATION.test(plain)) return duration(plain);
    return NUMBER.test(plain) && /\d/.test(plain) ? +plain.replace(/[^-+.\de]/gi, "") : NaN;
  }

  function time(text) {
    const iso = ISO.exec(text);
    if (iso) return Date.parse(`${iso[1]}T${iso[2] || "00:00"}${iso[3] || "Z"}`);
    const [, day, month, year, later, last, hour, minute] = DAY.exec(text) || [];
    const at = MONTHS.indexOf(month || later || "?") / 3;
    return at < 0 ? NaN : Date.UTC(+(year || last), at, +day, +(hour || 0), +(minute || 0));
  }

  // The values of cells. If some have a machine-readable value, cells without one count as empty.
  function values(rows, column) {
    const cells = rows.map((row) => row.cells[column]);
    const exact = cells.map((cell) => cell.querySelector("data[value], time[datetime]"));
    if (!exact.some(Boolean)) return cells.map((cell) => cell.textContent.trim());
    return exact.map((node) => (node ? node.getAttribute("value") || node.dateTime : ""));
  }

  // Sort rows by a column, as numbers or times if all are; missing values last, the sort is stable.
  function sorted(rows, column, sign) {
    const texts = values(rows, column);
    const present = texts.filter((text) => !MISSING.test(text));
    const read = [number, time].find((parse) => present.every((text) => !Number.isNaN(parse(text))));
    const words = new Intl.Collator(undefined, { numeric: true });
    const keys = texts.map((text) => (MISSING.test(text) ? null : read ? read(text) : text));
    const order = (a, b) =>
      keys[a] === null || keys[b] === null
        ? (keys[a] === null) - (keys[b] === null)
        : sign * (read ? keys[a] - keys[b] : words.compare(keys[a], keys[b]));
    return rows.map((_, at) => at).sort(order).map((at) => rows[at]);
  }

  function sortable(table) {
    const body = table.tBodies[0];
    if (!table.tHead || table.tBodies.length !== 1 || body.rows.length < 2) return;
    if (all("[colspan], [rowspan]", table).length) return;
    const first = [...body.rows];
    const width = first[0].cells.length;
    if (first.some((row) => row.cells.length !== width)) return;
    const heads = [];
    for (let column = 0; column < width; column++) {
      const cells = [...table.tHead.rows].map((row) => row.cells[column]);
      const head = cells.reverse().find((cell) => cell && cell.textContent.trim());
      if (!head) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      heads.push(head);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[head.ariaSort];
        const order = next === undefined ? "ascending" : next;
        heads.forEach((cell) => cell.removeAttribute("aria-sort"));
        if (order) head.setAttribute("aria-sort", order);
        const rows = order ? sorted(first, column, order === "ascending" ? 1 : -1) : first;
        body.append(...rows);
      });
    }
  }

  // Only boxes that scroll sideways get keyboard focus and a label.
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const wide = target.scrollWidth > target.clientWidth + 1;
      const attributes = { tabindex: "0", role: "group", "aria-label": "Scrolls sideways" };
      for (const [name, text] of Object.entries(attributes)) {
        if (wide) target.setAttribute(name, text);
        else target.removeAttribute(name);
      }
    }
  });

  all("table").forEach(sortable);
  all(".scroll, pre").forEach((box) => observer.observe(box));
  load();
  const redraw = () => window.Plotly && draw();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Print in black, at the width of a sheet.
  window.addEventListener("beforeprint", () => { printing = true; redraw(); });
  window.addEventListener("afterprint", () => { printing = false; redraw(); });
})();
