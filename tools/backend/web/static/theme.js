// Loaded before anything is drawn, so that the page doesn't flash in the other theme.
(() => {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
})();
