"use strict";
// Values under the pointer or the arrow keys, copy buttons, folds opened for print.
// The page says everything without it.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const show = (value) => value.toLocaleString("en", { maximumSignificantDigits: 4 });
  const nearest = (steps, x) => {
    let low = 0, high = steps.length - 1;
    while (high - low > 1) {
      const mid = (low + high) >> 1;
      if (steps[mid] <= x) low = mid; else high = mid;
    }
    return x - steps[low] < steps[high] - x ? low : high;
  };

  const explore = (chart) => {
    const panels = [...chart.querySelectorAll(".panel")];
    const lines = [...chart.querySelectorAll("path[data-x]")].map((path) => ({
      label: path.dataset.label,
      steps: path.dataset.x.split(" ").map(Number),
      values: path.dataset.y.split(" "),
    })).filter((line) => line.values[0]);
    const first = Number(chart.dataset.first), last = Number(chart.dataset.last);
    const cursors = panels.map((panel) => {
      const line = document.createElementNS(SVG, "line");
      line.setAttribute("class", "cursor");
      line.setAttribute("stroke", "#555");
      line.setAttribute("y2", panel.querySelector(".plot").getAttribute("height"));
      return panel.appendChild(line);
    });
    const readout = chart.querySelector(".readout");
    let at = 0.5;
    return (share) => {
      at = Math.min(Math.max(share(at), 0), 1);
      const wanted = first + at * (last - first), epoch = Number(chart.dataset.perEpoch);
      const steps = lines[0]?.steps ?? [wanted], x = steps[nearest(steps, wanted)];
      for (const cursor of cursors) {
        for (const end of ["x1", "x2"]) cursor.setAttribute(end, `${100 * (x - first) / (last - first)}%`);
      }
      const where = document.createElement("b");
      where.textContent = `${chart.dataset.noun} ${x.toLocaleString("en")}` + (epoch ? ` (epoch ${show(x / epoch)})` : "");
      const values = lines.map((line) => `${line.label} ${line.values[nearest(line.steps, x)]}`);
      readout.replaceChildren(where, `  ${values.join(" · ")}`);
    };
  };

  for (const chart of document.querySelectorAll(".chart")) {
    const readout = document.createElement("p");
    readout.className = "readout muted";
    readout.setAttribute("aria-live", "polite");
    readout.textContent = "Point at the chart, or focus it and use ← →, to read values.";
    chart.append(readout);
    chart.tabIndex = 0;
    chart.setAttribute("aria-label", "Chart with values on request");
    let move;
    const to = (share) => (move ??= explore(chart))(share);
    chart.addEventListener("pointermove", (event) => {
      const box = chart.querySelector(".plot").getBoundingClientRect();
      to(() => (event.clientX - box.left) / box.width);
    });
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.01, ArrowRight: 0.01, PageUp: -0.1, PageDown: 0.1, Home: -1, End: 1 }[event.key];
      if (step) { to((at) => at + step); event.preventDefault(); }
    });
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
