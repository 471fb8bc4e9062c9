"use strict";
// Write tables as CSV and Excel files and figures as pictures, in the page and without a network.
const Downloads = (function () {
  const all = (selector, root) => [...root.querySelectorAll(selector)];
  // First characters that make a spreadsheet read a cell as a formula, unless it is a number.
  const FORMULA = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;
  const NUMBER = /^[-+]?[\d., \u00a0\u2009\u202f]*\d\s*%?$/;
  // Numbers that Excel stores exactly.
  const EXACT = /^-?(0|[1-9]\d{0,11}|[1-9]\d{0,2}(,\d{3}){1,3})(\.\d{1,3})?$/;
  // Characters that XML does not allow, and the longest text of a cell.
  const NO_XML = /[^\t\n\r -\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
  const MAX_TEXT = 32767;
  const CUT = " [cut: the text is longer than a cell of Excel]";
  const WIDTH = 960;

  // The text of a node, with whole posts; lines of a cell that is no post are separated by "; ".
  function plain(node) {
    const copy = node.cloneNode(true);
    all("details > summary", copy).forEach((post) => post.remove());
    all("br", copy).forEach((line) => line.replaceWith("; "));
    all("p, small", copy).forEach((part) => part.prepend("\n"));
    return copy.textContent.replace(/; (?=to \d)/g, " ").replace(/\s*\n\s*/g, "\n").trim();
  }

  // The values of a cell by name: its own text, its parts with a name, and the addresses of links.
  function values(cell) {
    const copy = cell.cloneNode(true);
    const named = new Map([["", ""]]);
    const add = (name, text) => named.set(name, [named.get(name), text].filter(Boolean).join(" "));
    for (const part of all("[class^='part-']", copy)) {
      add(part.className.slice(5), plain(part));
      for (const line of [part.previousSibling, part.nextSibling]) {
        if (line && line.nodeName === "BR") line.remove();
      }
      part.remove();
    }
    for (const link of all("a[href]", copy)) {
      if (link.closest("small")) {
        add("source", plain(link));
        link.textContent = "";
      }
      add("address", link.getAttribute("href"));
    }
    all("small", copy).filter((node) => /^[\s,]*$/.test(node.textContent)).forEach((node) => {
      if (node.previousSibling && node.previousSibling.nodeName === "BR") node.previousSibling.remove();
      node.remove();
    });
    return named.set("", plain(copy));
  }

  // Rows of texts with one value a cell, the names of the columns first.
  function grid(table, rows) {
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells].map(plain);
    const cells = rows.map((row) => [...row.cells].map(values));
    const columns = heads.flatMap((head, at) => {
      const names = [...new Set(["", ...cells.flatMap((row) => [...row[at].keys()])])];
      const used = names.filter((name) => names.length === 1 || cells.some((row) => row[at].get(name)));
      return used.map((name) => ({ at, name, text: name ? `${head}: ${name}` : head }));
    });
    const isNumber = (row, { at, name }) => !name && row.cells[at].classList.contains("number");
    return [columns, ...cells.map((row, line) => columns.map((column) => ({
      text: row[column.at].get(column.name) || "", number: isNumber(rows[line], column),
    })))];
  }

  // A file name that says what is in it: of the page, its section, and the number of the table.
  function fileName(node, number) {
    const before = all("h1, h2", document).filter((head) =>
      head.compareDocumentPosition(node) & Node.DOCUMENT_POSITION_FOLLOWING);
    const heads = [before.find((head) => head.matches("h1")), before.filter((head) => head.matches("h2")).pop()];
    const words = heads.filter(Boolean).map((head) =>
      head.textContent.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60));
    return [...words, number].join("-");
  }

  function save(parts, type, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function quoted(text) {
    const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
    return `"${safe.replace(/"/g, '""')}"`;
  }

  function csv(table, rows, name) {
    const text = grid(table, rows).map((cells) => cells.map((cell) => quoted(cell.text)).join(","));
    save(["\ufeff", text.join("\r\n"), "\r\n"], "text/csv", `${name}.csv`);
  }

  const CRCS = Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    return crc;
  });

  function crc32(bytes) {
    let crc = -1;
    for (const byte of bytes) crc = CRCS[(crc ^ byte) & 255] ^ (crc >>> 8);
    return ~crc >>> 0;
  }

  // Bytes of numbers, given as pairs of a value and its size.
  function packed(...pairs) {
    return Uint8Array.from(pairs.flatMap(([value, size]) =>
      Array.from({ length: size }, (_, at) => Math.floor(value / 256 ** at) & 255)));
  }

  // Parts of a zip archive of uncompressed files, dated 1 January 1980.
  function zip(files) {
    const parts = [], directory = [];
    let offset = 0;
    for (const [name, text] of files) {
      const [path, bytes] = [name, text].map((words) => new TextEncoder().encode(words));
      const common = packed([20, 2], [0x800, 2], [0, 2], [0, 2], [33, 2], [crc32(bytes), 4],
        [bytes.length, 4], [bytes.length, 4], [path.length, 2], [0, 2]);
      directory.push(packed([0x02014b50, 4], [20, 2]), common, packed([0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), path);
      parts.push(packed([0x04034b50, 4]), common, path, bytes);
      offset += 4 + common.length + path.length + bytes.length;
    }
    const size = directory.reduce((sum, part) => sum + part.length, 0);
    const count = files.length;
    const end = packed([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [size, 4], [offset, 4], [0, 2]);
    return [...parts, ...directory, end];
  }

  function xml(text) {
    // Excel reads _x000D_ as a character; an escaped underscore keeps the text as it is.
    const kept = text.replace(NO_XML, "\ufffd").replace(/_(?=x[0-9a-f]{4}_)/gi, "_x005F_");
    return kept.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  }

  // A number, if its column has numbers only; else a text, which Excel never reads as a formula.
  function cell({ text, number: isNumber }) {
    const number = text.replace(/\u2212/g, "-");
    if (isNumber && EXACT.test(number)) return `<c><v>${number.replace(/,/g, "")}</v></c>`;
    const whole = text.length > MAX_TEXT ? text.slice(0, MAX_TEXT - CUT.length) + CUT : text;
    return `<c t="inlineStr"><is><t xml:space="preserve">${xml(whole)}</t></is></c>`;
  }

  function xlsx(table, rows, name) {
    const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
    const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const packages = "http://schemas.openxmlformats.org/package/2006";
    const kind = "application/vnd.openxmlformats-officedocument.spreadsheetml";
    const relation = (type, target) =>
      `${head}<Relationships xmlns="${packages}/relationships"><Relationship Id="r1" Type="${office}/${type}" Target="${target}"/></Relationships>`;
    const body = grid(table, rows).map((cells) => `<row>${cells.map(cell).join("")}</row>`).join("");
    const files = [
      ["[Content_Types].xml", `${head}<Types xmlns="${packages}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="${kind}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="${kind}.worksheet+xml"/></Types>`],
      ["_rels/.rels", relation("officeDocument", "xl/workbook.xml")],
      ["xl/workbook.xml", `${head}<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="Table" sheetId="1" r:id="r1"/></sheets></workbook>`],
      ["xl/_rels/workbook.xml.rels", relation("worksheet", "worksheets/sheet1.xml")],
      ["xl/worksheets/sheet1.xml", `${head}<worksheet xmlns="${main}"><sheetData>${body}</sheetData></worksheet>`],
    ];
    save(zip(files), `${kind}.sheet`, `${name}.xlsx`);
  }

  // The figure as it is drawn now, in black on white, whatever the colours of the page are.
  async function picture(place, layout, format, name) {
    const white = { paper_bgcolor: "#fff", plot_bgcolor: "#fff", font: { ...layout.font, color: "#000" } };
    const size = { width: layout.width || WIDTH, height: layout.height || 450 };
    const figure = { data: place.lightData || place.data, layout: { ...layout, ...white }, config: {} };
    const options = { format, ...size, scale: format === "png" ? 2 : 1, imageDataOnly: true };
    const data = await Plotly.toImage(figure, options);
    if (format === "svg") save([data], "image/svg+xml", `${name}.svg`);
    else save([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))], "image/png", `${name}.png`);
  }

  function button(textContent, title, action) {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent, title });
    made.addEventListener("click", action);
    return made;
  }

  // Buttons for a table; `rows` returns the rows that the filter leaves, in their order.
  function forTable(table, rows, name) {
    return [
      button("CSV", "Download this table as CSV", () => csv(table, rows(), fileName(table, name))),
      button("Excel", "Download this table as an Excel file", () => xlsx(table, rows(), fileName(table, name))),
    ];
  }

  // Buttons below a drawn figure, added once.
  function forFigure(figure, layout, name) {
    if (figure.querySelector(".tools")) return;
    const place = figure.querySelector(".drawing");
    const tools = Object.assign(document.createElement("div"), { className: "tools" });
    for (const format of ["png", "svg"]) {
      const words = format.toUpperCase();
      tools.append(button(words, `Download this figure as ${words}`, () => picture(place, layout, format, fileName(figure, name))));
    }
    figure.append(tools);
  }

  return { forTable, forFigure };
})();
