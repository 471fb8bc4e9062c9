"use strict";
// Draw figures in the reader's colours, sort tables, and let the keyboard scroll wide content.
(function () {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const settings = document.documentElement.dataset;
  let printing = false;

  // The page's policy does not apply to new windows, and plotly.js can send figures through one.
  window.open = () => null;

  const phone = window.matchMedia("(max-width: 40rem)");
  const LETTERS = 44;

  // Break a label of plotly into lines of at most `limit` letters; its tags and the entries of a
  // legend stay whole.
  function wrapped(text, limit = LETTERS) {
    return String(text).split("<br>").flatMap((line) => {
      const lines = [];
      let length = 0;
      const entries = line.includes(" &nbsp; ") ? line.split(" &nbsp; ") : null;
      for (const word of entries || line.match(/(?:<[^>]*>|[^<\s])+/g) || []) {
        const size = word.replace(/<[^>]*>/g, "").replace(/&\w+;/g, "x").length + (entries ? 3 : 1);
        if (!lines.length || length + size > limit) {
          lines.push(word);
          length = size;
        } else {
          lines.push(`${lines.pop()}${entries ? " &nbsp; " : " "}${word}`);
          length += size;
        }
      }
      return lines;
    });
  }

  // Keep only the ticks of an axis that do not overlap on a phone.
  function thin(axis) {
    const { tickvals, ticktext, range } = axis;
    if (!Array.isArray(tickvals) || !Array.isArray(ticktext) || !Array.isArray(range)) return;
    const kept = [];
    const origin = Math.max(0, tickvals.indexOf(0));
    const numbers = tickvals.map((_, at) => at);
    for (const side of [numbers.slice(origin), numbers.slice(0, origin).reverse()]) {
      let last = tickvals[origin];
      for (const at of side) {
        if (at !== origin && Math.abs(tickvals[at] - last) < 0.09 * Math.abs(range[1] - range[0])) continue;
        kept.push(at);
        last = tickvals[at];
      }
    }
    kept.sort((a, b) => a - b);
    Object.assign(axis, { tickvals: kept.map((at) => tickvals[at]), ticktext: kept.map((at) => ticktext[at]) });
  }

  // Write the label of each row of a timeline above its bars, its outcome at the other end.
  function stacked(layout) {
    const rows = layout.yaxis.categoryarray;
    const above = { xref: "paper", yanchor: "bottom", yshift: 17, showarrow: false, font: { size: 10 } };
    const left = rows.map((label) => ({ ...above, x: 0, xanchor: "left", align: "left", y: label, text: label }));
    const right = (layout.annotations || []).map((note) => ({ ...note, ...above, x: 1, xanchor: "right", align: "right", xshift: 0 }));
    layout.annotations = [...left, ...right];
    layout.yaxis = { ...layout.yaxis, categoryarray: rows, showticklabels: false, range: [rows.length - 0.6, -0.9] };
    layout.margin.r = 20;
    layout.height += 36 * rows.length;
  }

  // Draw marks of counts smaller on a phone, where they would cover each other.
  function smaller(trace) {
    const { size } = trace.marker || {};
    if (Array.isArray(size)) trace.marker.size = size.map((width) => 0.6 * width);
  }

  // Name only places of a map whose names do not cover others on a phone, those with most signals first.
  const MAX_MAP = 460;
  function named(spec, width) {
    const { layout } = spec;
    const ends = (axis) => {
      const values = spec.data.flatMap((trace) => [...trace[axis]]).filter((at) => at !== null);
      return [Math.min(...values), Math.max(...values)];
    };
    const [west, east] = ends("x");
    const [south, north] = ends("y");
    const ratio = layout.yaxis.scaleratio;
    const scale = Math.min((0.86 * width) / (east - west), MAX_MAP / (ratio * (north - south)));
    const tall = scale * ratio;
    const edge = (0.86 * width - scale * (east - west)) / 2;
    layout.height = layout.margin.t + layout.margin.b + tall * (north - south) * 1.12 + 20;
    const marks = spec.data.filter((trace) => (trace.meta || {}).rows).flatMap((trace) =>
      trace.meta.rows.map((rows, at) => ({ trace, at, n: rows.length, name: trace.text[at].trim() })));
    const taken = [];
    for (const { trace, at, name } of marks.sort((a, b) => b.n - a.n)) {
      const x = edge + (trace.x[at] - west) * scale;
      const y = (trace.y[at] - south) * tall;
      const length = 6 * name.replace(/&\w+;/g, "x").length + 14;
      const sides = [["middle right", x], ["middle left", x - length]];
      const free = name && sides.find(([, left]) => left > -0.06 * width && left + length < 0.88 * width &&
        taken.every((box) => Math.abs(box.y - y) > 12 || left > box.right || left + length < box.left));
      trace.text[at] = free ? trace.text[at] : "";
      if (!free) continue;
      trace.textposition[at] = free[0];
      taken.push({ y, left: free[1], right: free[1] + length });
    }
    for (const { trace } of marks) trace.marker.size = 8;
  }

  // Lay a figure out for a phone: wrapped titles, smaller letters and margins, nothing to scroll.
  function narrowed(layout) {
    const title = layout.title || {};
    const lines = [title.text || "", (title.subtitle || {}).text || ""];
    const [heads, legend] = lines.map((text) => wrapped(text));
    const top = 30 + 18 * heads.length + 16 * legend.length;
    layout.title = {
      ...title, text: heads.join("<br>"), font: { ...title.font, size: 14 },
      subtitle: { ...title.subtitle, text: legend.join("<br>"), font: { size: 11 } },
    };
    const margin = layout.margin || {};
    layout.margin = { ...margin, l: 10, r: Math.min(margin.r ?? 20, 75), t: top };
    layout.height = (layout.height || 450) + top - (margin.t ?? 95);
    layout.font = { ...layout.font, size: 10 };
    layout.annotations = (layout.annotations || []).map((note) => ({ ...note, font: { ...note.font, size: 9 } }));
    const { labels, stacked: isStacked } = layout.meta || {};
    if (labels || isStacked) stacked(layout);
    for (const axis of ["xaxis", "yaxis"]) {
      const text = ((layout[axis] || {}).title || {}).text;
      layout[axis] = { ...layout[axis], tickfont: { size: 10 } };
      if (axis === "xaxis") thin(layout[axis]);
      const names = layout[axis].categoryarray;
      if (names && layout[axis].showticklabels !== false) {
        const ticktext = names.map((name) => wrapped(name, 20).join("<br>"));
        Object.assign(layout[axis], { tickmode: "array", tickvals: names, ticktext });
      }
      if (text) layout[axis].title = { ...layout[axis].title, text: wrapped(text, axis === "xaxis" ? 28 : LETTERS).join("<br>"), font: { size: 11 } };
    }
    return layout;
  }

  // The number of a row of signals, by which figures know it.
  const ROW = "td > [class^='row-']";
  // The rows that the filter of a figure's table leaves, by figure; no entry without a filter.
  const left = new Map();

  // Shrink a mark of several signals to those that are left, and say how many in its hover text.
  function shrunken(trace, remaining) {
    const sizes = (trace.marker || {}).size;
    const words = trace.mode === "markers" ? "text" : "customdata";
    trace.meta.rows.forEach((all, at) => {
      if (!remaining[at] || remaining[at] === all.length) return;
      if (Array.isArray(sizes)) sizes[at] *= Math.max(0.3, Math.sqrt(remaining[at] / all.length));
      if (Array.isArray(trace[words])) trace[words][at] = `${remaining[at]} of ${trace[words][at]}`;
    });
  }

  // Leave out the marks of a figure that have none of the rows.
  function followed(spec, rows) {
    const { labels } = spec.layout.meta;
    const shown = labels && labels.filter((_, row) => rows.has(row));
    const totals = new Map();
    for (const trace of spec.data) {
      const points = (trace.meta || {}).rows;
      if (!labels && !points) continue;
      const names = new Set(shown);
      const remaining = points && points.map((all) => all.filter((row) => rows.has(row)).length);
      const stay = trace.y.map((y, at) => (labels ? names.has(y) : remaining[at] > 0));
      if (remaining) {
        shrunken(trace, remaining);
        remaining.forEach((n, at) => totals.set(trace.y[at], n + (totals.get(trace.y[at]) || 0)));
      }
      for (const object of [trace, trace.marker || {}]) {
        for (const [key, values] of Object.entries(object)) {
          if (Array.isArray(values) && values.length === stay.length) object[key] = values.filter((_, at) => stay[at]);
        }
      }
    }
    const total = /^n = ([\d,]+)$/;
    spec.layout.annotations = (spec.layout.annotations || []).map((note) =>
      total.test(note.text) ? { ...note, text: `n = ${totals.get(note.y) || 0} of ${total.exec(note.text)[1]}` } : note);
    if (labels) {
      const { layout } = spec;
      layout.height -= 40 * (labels.length - shown.length);
      const axis = { categoryarray: shown, range: [shown.length - 0.4, -0.6], visible: shown.length > 0 };
      layout.yaxis = { ...layout.yaxis, ...axis };
      layout.annotations = layout.annotations.filter((note) => shown.includes(note.y));
    }
    return spec;
  }

  // The table of signals that a figure follows: in its section, else the last one before it.
  function followedTable(figure) {
    const tables = all("h2, table").filter((node) => node.matches("h2") || node.querySelector(ROW));
    const is = (node, flag) => figure.compareDocumentPosition(node) & flag;
    const next = tables.find((node) => is(node, Node.DOCUMENT_POSITION_FOLLOWING));
    if (next && next.matches("table")) return next;
    return tables.filter((node) => node.matches("table") && is(node, Node.DOCUMENT_POSITION_PRECEDING)).pop();
  }

  // Let the figures of a table show only the rows of it that are left; null for all.
  function follow(table, rows) {
    if (!table.querySelector(ROW)) return;
    for (const figure of all("figure.plot")) {
      const n = (JSON.parse(figure.querySelector("script").textContent).layout.meta || {}).signals;
      if (!n || followedTable(figure) !== table) continue;
      const caption = figure.querySelector("figcaption");
      let note = caption.querySelector("[role=status]");
      if (!note) {
        note = control("span", {});
        note.setAttribute("role", "status");
        caption.prepend(note);
      }
      const numbers = rows && new Set(rows.map((row) => +row.querySelector(ROW).className.slice(4)));
      note.textContent = rows ? `Filtered: only marks of the ${rows.length} rows that the filter leaves. ` : "";
      if (rows) left.set(figure, numbers);
      else left.delete(figure);
      if (window.Plotly) drawFigure(figure);
    }
  }

  const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
  // Colours that are hard to see on a dark page, and lighter ones of the same hue.
  const LIGHTER = { "#0072B2": "#4DA3E8", "#009E73": "#2FC79A", "rgba(0, 114, 178": "rgba(77, 163, 232" };

  function lightened(figure) {
    const replaced = (text, [dark, light]) => text.replaceAll(dark, light);
    return JSON.parse(Object.entries(LIGHTER).reduce(replaced, JSON.stringify(figure)));
  }

  function draw() {
    all("figure.plot").forEach(drawFigure);
  }

  function drawFigure(figure) {
    try {
      const whole = JSON.parse(figure.querySelector("script").textContent);
      const isDark = !printing && darkScheme.matches;
      const spec = left.has(figure) ? followed(whole, left.get(figure)) : whole;
      const place = figure.querySelector(".drawing");
      const ink = printing ? "#000" : getComputedStyle(document.body).color;
      const layout = { ...spec.layout, font: { ...spec.layout.font, color: ink }, autosize: true };
      // The width of an A4 or letter sheet without its margins.
      if (printing) layout.width = Math.min(layout.width || 680, 680);
      else if (phone.matches) {
        narrowed(layout);
        spec.data.forEach(smaller);
        if ((layout.yaxis || {}).scaleanchor) named({ data: spec.data, layout }, place.clientWidth || 350);
      }
      place.style.height = `${layout.height || 450}px`;
      // Pictures for download are drawn on white.
      place.lightData = spec.data;
      const shown = isDark ? lightened({ data: spec.data, layout }) : { data: spec.data, layout };
      Plotly.react(place, shown.data, shown.layout, {
        responsive: true,
        modeBarButtonsToRemove: ["lasso2d", "select2d"],
        ...spec.config,
        // On a phone, the tools would cover the title.
        displayModeBar: phone.matches ? false : "hover",
      });
      // The caption describes the figure; screen readers skip its hundreds of marks and ticks.
      all("svg.main-svg", place).forEach((svg) => svg.setAttribute("aria-hidden", "true"));
      figure.classList.add("drawn");
      Downloads.forFigure(figure, spec.layout, `figure-${all("figure.plot").indexOf(figure) + 1}`);
    } catch (error) {
      figure.classList.add("failed");
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
  const DURATION = /^(?:more than |up to )?(?:just (above|below) zero|zero|(-?)(\d+) (minute|hour|day)s?(?: (\d+) hours?)?)/;
  const SECONDS = { minute: 60, hour: 3600, day: 86400 };
  const ISO = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[-+]\d\d:?\d\d)?)?$/;
  const DAY = /^(\d{1,2})(?: ([A-Z][a-z]{2}))?(?: (\d{4}))?(?: to \d{1,2})?(?: ([A-Z][a-z]{2}))?(?: (\d{4}))?(?:, (?:by )?(\d\d):(\d\d))?/;

  // Seconds of a duration in words, or of the first of two.
  function duration(plain) {
    const [match, side, sign, count, unit, hours] = DURATION.exec(plain) || [];
    if (plain.startsWith("up to ")) return 1;
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

  // Whether a table has one head, one body and no merged cells.
  function regular(table) {
    const body = table.tBodies[0];
    if (!table.tHead || table.tBodies.length !== 1 || !body.rows.length) return false;
    if (all("[colspan], [rowspan]", table).length) return false;
    return [...body.rows].every((row) => row.cells.length === body.rows[0].cells.length);
  }

  function sortable(table, changed) {
    const body = table.tBodies[0];
    const first = [...body.rows];
    if (first.length < 2) return;
    const width = first[0].cells.length;
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
        changed();
      });
    }
  }

  // Rows of a page of a table; fewer if the whole page would be taller than this, in pixels.
  const PAGES = phone.matches ? [10, 5, 3] : [25, 15, 10, 5];
  const MAX_HEIGHT = 11500;
  // A cell of more letters than this is wide: on a phone, the rows of its table are blocks.
  const WIDE = 24;
  function control(tag, properties) {
    return Object.assign(document.createElement(tag), properties);
  }

  // Show long tables in pages with a filter, and offer each table as a file.
  function equip(table, number) {
    if (!regular(table)) return;
    const rows = [...table.tBodies[0].rows];
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const tools = control("div", { className: "tools" });
    const status = control("span", {});
    status.setAttribute("role", "status");
    const search = control("input", { type: "search" });
    const label = control("label", { textContent: "Filter " });
    const back = control("button", { type: "button", textContent: "Previous" });
    const next = control("button", { type: "button", textContent: "Next" });
    let size = PAGES[0];
    const long = rows.length > size;
    let page = 0;
    label.append(search);
    const kept = () =>
      [...table.tBodies[0].rows].filter((row) => texts.get(row).includes(search.value.trim().toLowerCase()));

    function update() {
      if (!long) return;
      const found = kept();
      page = Math.max(0, Math.min(page, Math.ceil(found.length / size) - 1));
      const shown = new Set(found.slice(page * size, (page + 1) * size));
      rows.forEach((row) => { row.hidden = !shown.has(row); });
      const first = page * size + 1;
      status.textContent = found.length
        ? `${first} to ${first + shown.size - 1} of ${found.length} rows`
        : "No row contains these words.";
      back.disabled = page === 0;
      next.disabled = (page + 1) * size >= found.length;
    }

    let waiting;
    search.addEventListener("input", () => {
      page = 0;
      update();
      clearTimeout(waiting);
      waiting = setTimeout(() => follow(table, search.value.trim() ? kept() : null), 200);
    });
    back.addEventListener("click", () => { page -= 1; update(); });
    next.addEventListener("click", () => { page += 1; update(); });
    const files = Downloads.forTable(table, kept, `table-${number + 1}`);
    tools.append(...(long ? [label, status, back, next] : []), ...files);
    (table.closest(".scroll") || table).before(tools);
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    rows.forEach((row) => [...row.cells].forEach((cell, at) => { cell.dataset.head = heads[at]; }));
    const wide = rows[0].cells.length > 3 && all("td", table).some((cell) => cell.textContent.length > WIDE);
    if (wide || table.querySelector(".words, td a")) table.classList.add("posts");
    sortable(table, () => { page = 0; update(); });
    update();
    if (long) resizers.push((rowsPerPage) => { size = rowsPerPage; update(); });
  }

  const resizers = [];
  let rowsShown = PAGES[0];

  function shorten() {
    for (const size of PAGES.slice(1)) {
      if (document.documentElement.scrollHeight <= MAX_HEIGHT) return;
      rowsShown = size;
      resizers.forEach((resize) => resize(size));
    }
  }

  // Only boxes that scroll sideways get keyboard focus and a label.
  const observer = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      // On a phone, a table that is too wide shows each row as a paragraph.
      const table = target.querySelector(":scope > table:not(.posts)");
      if (table && phone.matches && target.scrollWidth > target.clientWidth + 1 && regular(table)) {
        table.classList.add("posts", "short");
      }
      const wide = target.scrollWidth > target.clientWidth + 1;
      const attributes = { tabindex: "0", role: "group", "aria-label": "Scrolls sideways" };
      for (const [name, text] of Object.entries(attributes)) {
        if (wide) target.setAttribute(name, text);
        else target.removeAttribute(name);
      }
    }
  });

  all("table").forEach(equip);
  shorten();
  all(".scroll, pre").forEach((box) => observer.observe(box));
  load();
  const redraw = () => window.Plotly && draw();
  darkScheme.addEventListener("change", redraw);
  // Print in black, at the width of a sheet, with all rows that the filters leave and whole posts.
  const closed = all("td details:not([open])");
  const print = (starts) => {
    printing = starts;
    resizers.forEach((resize) => resize(starts ? Number.MAX_SAFE_INTEGER : rowsShown));
    closed.forEach((post) => { post.open = starts; });
    redraw();
  };
  window.addEventListener("beforeprint", () => print(true));
  window.addEventListener("afterprint", () => print(false));
})();
