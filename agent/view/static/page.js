// Comfort only: without this file every page says the same. No key answers a proposal.
(function () {
  "use strict";
  const root = document.documentElement;
  const by = (id) => document.getElementById(id);
  document.querySelectorAll("button.scripted").forEach((b) => { b.hidden = false; });

  const theme = by("theme");
  const next = { "": "dark", dark: "light", light: "" };
  function told() {
    const now = root.dataset.theme || "";
    theme.textContent = { "": "auto", dark: "dark", light: "light" }[now];
    theme.setAttribute("aria-label", "Colours: " + theme.textContent + "; change");
  }
  theme.addEventListener("click", function () {
    const now = next[root.dataset.theme || ""];
    if (now) root.dataset.theme = now; else delete root.dataset.theme;
    try { if (now) localStorage.setItem("plimsoll-theme", now); else localStorage.removeItem("plimsoll-theme"); } catch (e) { /* for this page only */ }
    told();
    document.dispatchEvent(new CustomEvent("plimsoll:theme"));
  });
  told();

  by("copy").addEventListener("click", function () {
    const say = (text) => { by("copied").textContent = text; };
    if (!navigator.clipboard) { getSelection().selectAllChildren(by("command")); say("marked; copy it with the keyboard"); return; }
    navigator.clipboard.writeText(by("command").textContent).then(() => say("copied"), () => say("not copied"));
  });

  const keys = by("keys");
  by("help").addEventListener("click", () => keys.showModal());
  const rows = Array.from(document.querySelectorAll("[data-row]"));
  const link = (row) => row.querySelector("a[href]");
  function move(step) {
    const open = rows.filter(link);
    const at = open.findIndex((row) => row.contains(document.activeElement));
    const to = open[at < 0 ? (step > 0 ? 0 : open.length - 1) : at + step];
    if (to) link(to).focus();
  }
  function go(path) {
    const found = Array.from(document.querySelectorAll("nav[aria-label=Pages] a"));
    const to = found.find((a) => a.textContent.trim().toLowerCase().startsWith(path));
    if (to) location.href = to.href;
  }
  let before = "";
  document.addEventListener("keydown", function (event) {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.ctrlKey || event.metaKey || event.altKey || typing || keys.open) return;
    const pressed = before + event.key;
    before = event.key === "g" ? "g" : "";
    const does = {
      "/": () => by("jump") && by("jump").focus(), "?": () => keys.showModal(),
      j: () => move(1), k: () => move(-1),
      gi: () => go("inbox"), gs: () => go("sessions"), gl: () => go("log"),
    }[pressed];
    if (does) { event.preventDefault(); does(); }
  });
})();
