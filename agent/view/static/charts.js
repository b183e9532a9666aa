// Draws each chart again from the numbers beside it; what fails leaves the picture as it is.
(function () {
  "use strict";
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  function colour(name) {
    probe.style.color = "var(--" + name + ")";
    return getComputedStyle(probe).color;
  }
  function painted(value) {
    if (typeof value === "string" && value.startsWith("@")) return colour(value.slice(1));
    if (Array.isArray(value)) return value.map(painted);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === "values" ? v : painted(v)]));
    }
    return value;
  }
  function config() {
    const font = getComputedStyle(document.body).fontFamily;
    const axis = { labelColor: "@soft", titleColor: "@soft", gridColor: "@line", domainColor: "@line", tickColor: "@line", labelFont: font, titleFont: font, labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal" };
    return painted({
      background: "transparent", view: { stroke: null }, axis: axis,
      title: { color: "@ink", font: font, fontSize: 12.5, anchor: "start", offset: 8 },
      legend: { labelColor: "@ink", titleColor: "@soft", labelFont: font, orient: "bottom", title: null, columns: 4, columnPadding: 18, labelLimit: 150 },
      text: { color: "@ink", font: font, fontSize: 11 },
    });
  }
  // A title as wide as its place: what does not fit goes on in the next line.
  function lines(text, most) {
    const found = [""];
    for (const word of text.split(" ")) {
      const last = found[found.length - 1];
      if (last && last.length + word.length >= most) found.push(word);
      else found[found.length - 1] = last ? last + " " + word : word;
    }
    return found;
  }
  function fitted(spec, width) {
    if (!spec.title) return spec;
    const most = Math.max(20, Math.floor(width / 6.6));
    const title = typeof spec.title === "string" ? { text: spec.title } : spec.title;
    const text = lines(title.text, most), under = (title.subtitle || []).flatMap((t) => lines(t, most));
    const more = 14 * (text.length - 1 + under.length - (title.subtitle || []).length);
    const told = under.length ? { text: text, subtitle: under } : { text: text };
    return Object.assign({}, spec, { title: told, height: spec.height + more });
  }
  const options = { ast: true, defaultStyle: false, actions: false, tooltip: false, renderer: "svg", logLevel: 1 };
  async function draw(figure) {
    const specs = JSON.parse(figure.querySelector("script.specs").textContent);
    const place = figure.querySelector(".vega"), readout = figure.querySelector(".readout");
    const made = document.createElement("div");
    place.replaceChildren(made);
    place.hidden = false;
    try {
      for (const spec of specs) {
        const one = document.createElement("div");
        made.append(one);
        const found = await vegaEmbed(one, painted(fitted(spec, one.clientWidth || place.clientWidth)), Object.assign({ config: config() }, options));
        found.view.tooltip((handler, event, item, value) => {
          if (value === null || value === undefined || value === "") return;
          readout.textContent = typeof value === "object" ? Object.values(value).join(" ") : String(value);
        });
        await found.view.runAsync();
      }
    } catch (error) {
      place.hidden = true;
      place.replaceChildren();
      return;
    }
    figure.querySelector(".drawn").hidden = true;
    if (specs.some((spec) => spec.layer.some((layer) => layer.params))) readout.dataset.zoom = "1";
    if (!readout.textContent) readout.textContent = "Point at a mark to read it." + (readout.dataset.zoom ? " Drag moves the iterations, Shift and wheel zooms, a double click goes back." : "");
    readout.hidden = false;
  }
  const figures = Array.from(document.querySelectorAll("figure")).filter((f) => f.querySelector("script.specs"));
  const near = new IntersectionObserver((seen) => {
    for (const one of seen) if (one.isIntersecting) { near.unobserve(one.target); draw(one.target); }
  }, { rootMargin: "400px" });
  figures.forEach((figure) => near.observe(figure));
  const again = () => figures.filter((f) => f.querySelector(".drawn").hidden).forEach(draw);
  document.addEventListener("plimsoll:theme", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
})();
