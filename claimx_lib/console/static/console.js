// What the browser adds to pages that work without it: counting selected rows, and focus on what was fetched.
"use strict";
(function () {
  function boxes() { return Array.from(document.querySelectorAll('#bulk input[type=checkbox][name=id]')); }
  function show() {
    const chosen = boxes().filter(function (box) { return box.checked; }).length;
    const all = document.querySelector('#bulk input[name=all]');
    const told = document.querySelector('#bulk [data-count]');
    const master = document.querySelector('#bulk [data-all]');
    if (!told) return;
    const active = chosen > 0 || (all && all.checked);
    told.textContent = all && all.checked ? 'All that match' : chosen ? chosen + ' selected' : 'Nothing selected';
    told.parentElement.classList.toggle('active', Boolean(active));
    if (master) { master.checked = chosen > 0 && chosen === boxes().length; master.indeterminate = chosen > 0 && chosen < boxes().length; }
  }
  document.addEventListener('change', function (event) {
    const target = event.target;
    if (target.matches && target.matches('#bulk [data-all]')) boxes().forEach(function (box) { box.checked = target.checked; });
    show();
  });
  document.addEventListener('submit', function (event) {
    // A second click must not send a decision twice.
    const form = event.target;
    if (form.method !== 'post' || form.id === 'bulk') return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = '1';
  });
  window.addEventListener('pageshow', function () {
    document.querySelectorAll('form[data-sent]').forEach(function (form) { delete form.dataset.sent; });
    show();
  });
  document.addEventListener('htmx:afterSwap', function (event) {
    if (event.detail.target.id !== 'decision') return;
    const heading = event.detail.target.querySelector('h2');
    if (heading) { heading.focus({ preventScroll: true }); heading.scrollIntoView({ block: 'nearest' }); }
    const panel = event.detail.target.querySelector('section');
    if (panel) panel.scrollIntoView({ block: 'nearest', behavior: window.matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  });
  document.addEventListener('htmx:responseError', function (event) {
    const target = event.detail.target;
    if (target && event.detail.xhr.getResponseHeader('x-part') === '1') target.innerHTML = event.detail.xhr.responseText;
  });
})();
