"use strict";
// Values under the pointer or the arrow keys, zoom, sortable and searchable tables, copy buttons,
// folds opened for print. The page says everything without it.
(() => {
  const SVG = "http://www.w3.org/2000/svg", CLOSEST = 1 / 200;
  const within = (value, low, high) => Math.min(Math.max(value, low), high);
  const short = (value) => value.toLocaleString("en", { maximumSignificantDigits: 4 });
  const tick = (value) => {
    for (const [unit, mark, from] of [[1e9, "G", 1e9], [1e6, "M", 1e6], [1e3, "k", 1e4]]) {
      if (Math.abs(value) >= from) return short(value / unit) + mark;
    }
    return short(value);
  };
  const element = (name, attributes, parent, text) => {
    const made = name === "text" || name === "line" ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return parent.appendChild(made);
  };
  const sums = (texts) => { let sum = 0; return texts.map((text) => sum += Number(text)); };
  const nearest = (steps, x) => {
    let low = 0, high = steps.length - 1;
    while (high - low > 1) {
      const mid = (low + high) >> 1;
      if (steps[mid] <= x) low = mid; else high = mid;
    }
    return x - steps[low] < steps[high] - x ? low : high;
  };
  // Round numbers between two ends, about five.
  const rounds = (from, to) => {
    const raw = (to - from) / 5, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999999);
    const found = [];
    for (let k = Math.ceil(from / step); k * step <= to; k++) found.push(k * step);
    return found;
  };

  // What a chart can do, built when it is first touched.
  const explore = (chart) => {
    const first = Number(chart.dataset.first), length = Number(chart.dataset.last) - first;
    const epoch = Number(chart.dataset.perEpoch);
    const readout = chart.querySelector(".readout");
    const lines = [...chart.querySelectorAll("path[data-x]")].map((path) => ({
      label: path.dataset.label,
      steps: sums(path.dataset.x.split(" ")),
      values: path.dataset.y.split(" "),
    })).filter((line) => line.values[0]);
    const cursors = [...chart.querySelectorAll(".window")].map((box) =>
      element("line", { class: "cursor", stroke: "#555", y2: box.getAttribute("height") }, box));
    const views = chart.querySelectorAll(".view"), axes = chart.querySelectorAll(".axis");
    let at = 0.5, from = 0, width = 1;  // shares of the whole x axis
    const point = () => {
      const wanted = first + at * length, steps = lines[0]?.steps ?? [wanted];
      const found = width < 1 ? wanted : steps[nearest(steps, wanted)];
      const x = length > 50 ? Math.round(found) : found;
      const place = `${100 * ((x - first) / length - from) / width}%`;
      for (const cursor of cursors) for (const end of ["x1", "x2"]) cursor.setAttribute(end, place);
      const where = `${chart.dataset.noun} ${Number.isInteger(x) ? x.toLocaleString("en") : short(x)}` + (epoch ? ` (epoch ${short(x / epoch)})` : "");
      const values = lines.map((line) => `${line.label} ${line.values[nearest(line.steps, x)].replace("(", " (")}`);
      readout.replaceChildren();
      element("b", {}, readout, where);
      readout.append(`  ${values.join(" · ")}`);
    };
    const look = () => {
      for (const view of views) {
        view.setAttribute("x", `${-100 * from / width}%`);
        view.setAttribute("width", `${100 / width}%`);
      }
      for (const axis of axes) {
        const per = Number(axis.dataset.per), low = (first + from * length) / per, high = low + width * length / per;
        axis.replaceChildren();
        for (const value of rounds(low, high)) {
          const share = (value - low) / (high - low);
          element("text", { x: `${100 * share}%`, y: axis.dataset.y, "text-anchor": share < 0.02 ? "start" : share > 0.98 ? "end" : "middle" }, axis, tick(value));
        }
      }
      chart.classList.toggle("zoomed", width < 1);
      for (const button of chart.querySelectorAll(".tools .out")) button.disabled = width === 1;
    };
    return {
      at: () => at,
      share: (pixel) => {
        const box = chart.querySelector(".plot").getBoundingClientRect();
        return from + width * (pixel - box.left) / box.width;
      },
      zoomed: () => width < 1,
      to(share) {
        at = within(share, 0, 1);
        const start = within(from, at - width, at);
        if (start !== from) { from = within(start, 0, 1 - width); look(); }
        point();
      },
      pan(share) { from = within(from + share, 0, 1 - width); look(); point(); },
      zoom(factor, around) {
        const wider = within(width * factor, CLOSEST, 1);
        if (wider === width) return false;
        from = within(around - (around - from) * wider / width, 0, 1 - wider);
        width = wider;
        look();
        point();
        return true;
      },
    };
  };

  for (const chart of document.querySelectorAll(".chart")) {
    chart.tabIndex = 0;
    chart.setAttribute("aria-label", "Chart: arrow keys read values, plus and minus zoom, 0 shows all");
    const readout = document.createElement("p");
    readout.className = "readout muted";
    readout.setAttribute("aria-live", "polite");
    readout.textContent = "Point or use ← → to read values; + − or, once clicked, the wheel to zoom; drag to move.";
    chart.insertBefore(readout, chart.querySelector("figcaption"));
    let built;
    const view = () => built ??= explore(chart);
    const tools = document.createElement("div");
    tools.className = "tools";
    for (const [sign, label, factor, kind] of [["+", "Zoom in", 0.5, "in"], ["−", "Zoom out", 2, "out"], ["All", "Show all steps", 1e9, "out"]]) {
      const button = element("button", { type: "button", class: kind, "aria-label": label }, tools, sign);
      button.disabled = kind === "out";
      button.addEventListener("click", () => view().zoom(factor, view().at()));
    }
    chart.append(tools);
    let dragged = null;
    chart.addEventListener("pointermove", (event) => {
      if (event.target.closest(".tools")) return;
      const share = view().share(event.clientX);
      if (dragged !== null && event.buttons) view().pan(dragged - share);
      else view().to(share);
    });
    chart.addEventListener("pointerdown", (event) => {
      dragged = event.pointerType === "mouse" && event.target.closest(".panel") && view().zoomed() ? view().share(event.clientX) : null;
      if (dragged !== null) chart.setPointerCapture(event.pointerId);
      else if (event.target.closest(".panel")) view().to(view().share(event.clientX));
    });
    chart.addEventListener("pointerup", () => { dragged = null; });
    chart.addEventListener("dblclick", (event) => { if (!event.target.closest(".tools, figcaption")) view().zoom(1e9, 0.5); });
    chart.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && document.activeElement !== chart) return;
      if (view().zoom(2 ** within(event.deltaY / 200, -1, 1), view().share(event.clientX))) event.preventDefault();
    }, { passive: false });
    chart.addEventListener("keydown", (event) => {
      if (event.target !== chart || event.ctrlKey || event.metaKey || event.altKey) return;
      const move = { ArrowLeft: -0.01, ArrowRight: 0.01, PageUp: -0.1, PageDown: 0.1, Home: -1, End: 1 }[event.key];
      const factor = { "+": 0.5, "=": 0.5, "-": 2, 0: 1e9, Escape: 1e9 }[event.key];
      if (move) view().to(view().at() + move * (view().zoomed() ? 0.2 : 1));
      else if (factor) view().zoom(factor, view().at());
      else return;
      event.preventDefault();
    });
  }

  // Tables of many rows: a click on a heading sorts, a field above searches.
  const key = (row, column) => row.cells[column].dataset.sort ?? row.cells[column].textContent.trim();
  const order = new Intl.Collator("en", { numeric: true }).compare;
  for (const table of document.querySelectorAll("table.runs")) {
    const body = table.tBodies[0], rows = [...body.rows];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (rows.every((row) => !key(row, column))) return;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const keys = new Map(rows.map((row) => [row, key(row, column)]));
        const sorted = rows.toSorted((a, b) => (down ? -1 : 1) * order(keys.get(a), keys.get(b)));
        body.replaceChildren();  // moving ten thousand rows one by one takes half a minute
        body.append(...sorted);
      });
    });
    if (rows.length < 8) continue;
    const label = element("label", { class: "filter" }, table.parentElement, "Filter");
    table.before(label);
    const field = element("input", { type: "search", placeholder: table.dataset.find ?? "name, schedule, state or rule" }, label);
    const shown = element("span", { role: "status" }, label);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    field.addEventListener("input", () => {
      const words = (field.value.toLowerCase().match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ""));
      let left = 0;
      rows.forEach((row, index) => {
        row.hidden = !words.every((word) => texts[index].includes(word));
        left += !row.hidden;
      });
      shown.textContent = left === rows.length ? "" : `${left} of ${rows.length}`;
    });
    // Links elsewhere on the page that show some of the rows.
    for (const link of document.querySelectorAll(`a[data-filter][href="#${table.parentElement.getAttribute("aria-labelledby")}"]`)) {
      link.addEventListener("click", () => {
        field.value = link.dataset.filter;
        field.dispatchEvent(new Event("input"));
      });
    }
  }

  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const code = button.parentElement.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected: press Ctrl+C";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
  }

  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details")) fold.open = true;
  });
})();
