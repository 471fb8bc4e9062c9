"use strict";
// Draw figures in the reader's colours, let tables be sorted, and let keys scroll what is wide.
(function () {
  const all = (what, where = document) => [...where.querySelectorAll(what)];
  const told = document.documentElement.dataset;
  let printing = false;

  // A new window is out of reach of the page's policy; nothing here needs one. plotly.js would send
  // figures through it.
  window.open = () => null;

  function draw() {
    for (const figure of all("figure.plot")) {
      try {
        const spec = JSON.parse(figure.querySelector("script").textContent);
        const place = figure.querySelector(".drawing");
        const ink = printing ? "#000" : getComputedStyle(document.body).color;
        const layout = { ...spec.layout, font: { ...spec.layout.font, color: ink }, autosize: true };
        // As wide as a sheet of A4 or letter within its margins.
        if (printing) layout.width = Math.min(layout.width || 680, 680);
        Plotly.react(place, spec.data, layout, {
          responsive: true,
          modeBarButtonsToRemove: ["lasso2d", "select2d"],
          ...spec.config,
        });
        // The caption says what is drawn; hundreds of marks and ticks would only be in the way.
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
    if (!told.plotly) return fail();
    const script = document.createElement("script");
    // Of a file on a disk browsers cannot check the hash, and refuse it if one is told.
    if (location.protocol !== "file:") script.integrity = told.integrity;
    script.onload = draw;
    script.onerror = fail;
    script.src = told.plotly;
    document.head.append(script);
  }

  const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const MISSING = /^(nan|nat|none|null|<na>|n\/a|never|no event|not known|[-–—]?)$/i;
  const NUMBER = /^[<>≤≥~]?\s*[-+]?(\d{1,3}([, \u00a0\u2009\u202f]\d{3})+|\d+)?(\.\d+)?(e[-+]?\d+)?\s*%?$/i;
  const SPAN = /^(-?\d+) days?(?: \+?(\d+):(\d+):(\d+(?:\.\d+)?))?$/;
  const LENGTH = /^(?:more than )?(?:just (above|below) zero|zero|(-?)(\d+) (minute|hour|day)s?(?: (\d+) hours?)?)/;
  const SECONDS = { minute: 60, hour: 3600, day: 86400 };
  const ISO = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[-+]\d\d:?\d\d)?)?$/;
  const DAY = /^(\d{1,2})(?: ([A-Z][a-z]{2}))?(?: (\d{4}))?(?: to \d{1,2})?(?: ([A-Z][a-z]{2}))?(?: (\d{4}))?(?:, (?:by )?(\d\d):(\d\d))?/;

  // Seconds of a length of time in words, or the shorter of two.
  function length(plain) {
    const [all, side, sign, count, unit, hours] = LENGTH.exec(plain) || [];
    if (!all) return NaN;
    if (!count) return side ? (side === "above" ? 1 : -1) : 0;
    return (sign ? -1 : 1) * (count * SECONDS[unit] + (hours || 0) * 3600);
  }

  function number(text) {
    const plain = text.replace(/\u2212/g, "-");
    const span = SPAN.exec(plain);
    if (span) return ((+span[1] * 24 + +(span[2] || 0)) * 60 + +(span[3] || 0)) * 60 + +(span[4] || 0);
    if (LENGTH.test(plain)) return length(plain);
    return NUMBER.test(plain) && /\d/.test(plain) ? +plain.replace(/[^-+.\de]/gi, "") : NaN;
  }

  function time(text) {
    const iso = ISO.exec(text);
    if (iso) return Date.parse(`${iso[1]}T${iso[2] || "00:00"}${iso[3] || "Z"}`);
    const [, day, month, year, later, last, hour, minute] = DAY.exec(text) || [];
    const at = MONTHS.indexOf(month || later || "?") / 3;
    return at < 0 ? NaN : Date.UTC(+(year || last), at, +day, +(hour || 0), +(minute || 0));
  }

  // What cells hold; where some say it for machines, the others hold nothing.
  function values(rows, column) {
    const cells = rows.map((row) => row.cells[column]);
    const exact = cells.map((cell) => cell.querySelector("data[value], time[datetime]"));
    if (!exact.some(Boolean)) return cells.map((cell) => cell.textContent.trim());
    return exact.map((one) => (one ? one.getAttribute("value") || one.dateTime : ""));
  }

  // Rows in the order of a column: by number or time where all are, missing ones last, ties as before.
  function sorted(rows, column, sign) {
    const texts = values(rows, column);
    const there = texts.filter((text) => !MISSING.test(text));
    const read = [number, time].find((one) => there.every((text) => !Number.isNaN(one(text))));
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
        heads.forEach((one) => one.removeAttribute("aria-sort"));
        if (order) head.setAttribute("aria-sort", order);
        const rows = order ? sorted(first, column, order === "ascending" ? 1 : -1) : first;
        body.append(...rows);
      });
    }
  }

  // What scrolls sideways can be reached by keys, and says so; what does not is no stop.
  const watch = new ResizeObserver((seen) => {
    for (const { target } of seen) {
      const wide = target.scrollWidth > target.clientWidth + 1;
      const means = { tabindex: "0", role: "group", "aria-label": "Scrolls sideways" };
      for (const [name, text] of Object.entries(means)) {
        if (wide) target.setAttribute(name, text);
        else target.removeAttribute(name);
      }
    }
  });

  all("table").forEach(sortable);
  all(".scroll, pre").forEach((box) => watch.observe(box));
  load();
  const again = () => window.Plotly && draw();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  // Print in the ink of paper, and at the width of a sheet.
  window.addEventListener("beforeprint", () => { printing = true; again(); });
  window.addEventListener("afterprint", () => { printing = false; again(); });
})();
