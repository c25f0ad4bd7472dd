// The search: every section that has all words, the best first, with the line in which they stand.
// An entry of SECTIONS is [page, anchor, title of the page, title of the section, text].
const MOST = 60;
const lower = text => text.toLowerCase();

// How well a section fits; 0 where a word is missing.
function score([page, anchor, pageTitle, title, text], query, words) {
  const all = lower(`${pageTitle} ${title} ${text}`);
  if (!words.every(word => all.includes(word))) return 0;
  const head = lower(title), name = head.split(/[\s.]/).pop();
  let points = 1 + Math.min(5, all.split(query).length - 1);
  if (head.includes(query)) points += 40;
  else if (words.every(word => head.includes(word))) points += 25;
  if (head === query || name === query) points += 60;
  if (!page.startsWith('api/')) points += 8;            // a page that explains, before one that defines
  return points;
}

// The part of a text around the first word that is in it.
function line(text, words) {
  const places = words.map(word => lower(text).indexOf(word)).filter(place => place >= 0);
  const start = places.length ? Math.max(0, Math.min(...places) - 70) : 0;
  const from = start ? text.indexOf(' ', start) + 1 : 0;
  return (from ? '… ' : '') + text.slice(from, from + 220) + (text.length > from + 220 ? ' …' : '');
}

// A text with the words marked, as nodes, so that nothing in it is read as HTML.
function marked(text, words) {
  const escaped = words.map(word => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const node = document.createElement('p');
  text.split(new RegExp(`(${escaped})`, 'i')).forEach((part, i) => {
    const piece = i % 2 ? document.createElement('mark') : document.createTextNode(part);
    if (i % 2) piece.textContent = part;
    node.append(piece);
  });
  return node;
}

function item([page, anchor, pageTitle, title, text], words) {
  const entry = document.createElement('li'), link = document.createElement('a'), where = document.createElement('span');
  link.href = page + (anchor ? `#${anchor}` : '');
  link.textContent = title || pageTitle;
  where.textContent = title && title !== pageTitle ? ` in ${pageTitle}` : '';
  entry.append(link, where, marked(line(text, words), words));
  return entry;
}

function show(typed) {
  const query = lower(typed.trim()), words = query.split(/\s+/).filter(Boolean);
  const found = words.length ? window.SECTIONS.map(entry => [score(entry, query, words), entry]).filter(([points]) => points) : [];
  found.sort(([a], [b]) => b - a);
  document.getElementById('search-results').replaceChildren(...found.slice(0, MOST).map(([, entry]) => item(entry, words)));
  const summary = found.length ? `${found.length} section${found.length > 1 ? 's' : ''}` : words.length ? 'Nothing has all of these words.' : '';
  document.getElementById('search-summary').textContent = found.length > MOST ? `${summary}, the first ${MOST} are shown` : summary;
}

const box = document.querySelector('form.find input');
box.value = new URLSearchParams(location.search).get('q') || '';
box.addEventListener('input', () => show(box.value));
box.form.addEventListener('submit', event => { event.preventDefault(); show(box.value); });
show(box.value);
