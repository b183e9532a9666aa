// Before anything is painted: the theme that was chosen here, else that of the system.
(function () {
  "use strict";
  try {
    const chosen = localStorage.getItem("plimsoll-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch (e) { /* no storage: the system decides */ }
})();
