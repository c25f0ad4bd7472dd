"""Finish the site that Sphinx has built: write the index of the search and llms.txt, and check every link.

    python nbs/finish.py FOLDER

The search of Sphinx knows pages; readers look for the paragraph. So every section of every page becomes one entry with
its title, its anchor and its text. The index is a script and not a JSON file, since browsers refuse to fetch anything
for a page that is opened from a file.
"""
import json
import re
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

LONGEST = 1500                     # characters of a section that are searched
VOID = {'area', 'base', 'br', 'col', 'hr', 'img', 'input', 'link', 'meta', 'source', 'track', 'wbr'}
INLINE = {'a', 'b', 'code', 'em', 'i', 'mark', 'span', 'strong'}   # other tags part words
SILENT = {'script', 'style', 'svg', 'button', 'details'}   # details: the source of a definition
HEADINGS = {'h1', 'h2', 'h3', 'h4', 'h5', 'h6'}
OFFERED = {'start': 'Start here', 'tutorials': 'Tutorials', 'howto': 'How-to', 'guide': 'Configuration',
           'explanations': 'Explanations', 'api': 'API'}


@dataclass
class Section:
    "A heading and what stands below it, up to the next one."
    anchor: str
    title: str = ''
    words: list = field(default_factory=list)

    @property
    def text(self): return ' '.join(''.join(self.words).split())[:LONGEST]


class Page(HTMLParser):
    "What one page of the site holds: anchors, links, and sections."
    def __init__(self, html):
        super().__init__()
        self.ids, self.links, self.sections, self.open = set(), [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if 'id' in attrs: self.ids.add(attrs['id'])
        self.links += [attrs[key] for key in ('href', 'src') if attrs.get(key)]
        if tag not in VOID: self.open.append((tag, attrs))
        if tag == 'section' and self.is_prose(): self.sections.append(Section(attrs.get('id', '')))
        if tag not in INLINE and self.sections: self.sections[-1].words.append(' ')

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag: pass

    def is_prose(self):
        "Is this inside the article, and neither code of a program nor a part that is folded away?"
        tags = [tag for tag, _ in self.open]
        return 'article' in tags and not SILENT & set(tags)

    def handle_data(self, data):
        if not self.sections or not self.is_prose(): return
        if any('headerlink' in (attrs.get('class') or '') for _, attrs in self.open): return
        in_heading = any(tag in HEADINGS for tag, _ in self.open)
        if in_heading: self.sections[-1].title += data
        else: self.sections[-1].words.append(data)


def read_site(folder):
    "Every page of a built site, by its path."
    files = sorted(folder.rglob('*.html'))
    return {p.relative_to(folder).as_posix(): Page(p.read_text(encoding='utf-8')) for p in files}

def broken_links(folder, pages):
    "Links of the site to files and anchors of its own that there are not."
    found = []
    for name, page in pages.items():
        for link in page.links:
            if urlsplit(link).scheme or link.startswith('//'): continue
            path, fragment = urldefrag(urljoin(f'/{name}', link))
            target = unquote(path.split('?')[0]).lstrip('/') or name
            if not (folder/target).is_file(): found.append(f'{name}: {link} leads nowhere')
            elif fragment and target in pages and unquote(fragment) not in pages[target].ids:
                found.append(f'{name}: {link}: {target} has no such anchor')
    return found

def search_entries(pages):
    "The index of the search: page, anchor, title of the page, title of the section, text."
    entries = []
    for name, page in pages.items():
        if name in ('search.html', 'genindex.html') or not page.sections: continue
        title = page.sections[0].title.strip()
        entries += [[name, s.anchor, title, s.title.strip(), s.text] for s in page.sections]
    return entries

def llms(pages, entries):
    "The site for a language model (llmstxt.org): what it is, then each page in the order of the sidebar."
    first = {}
    for name, _, title, _, text in entries: first.setdefault(name, (title, re.split(r'(?<=[.!?])\s', text)[0]))
    lines = [f'# {first["index.html"][0]}', '', f'> {first["index.html"][1]}']
    sidebar = [link for link in dict.fromkeys(pages['index.html'].links) if link in pages]
    for folder, title in OFFERED.items():
        listed = [link for link in sidebar if link.startswith(f'{folder}/')]
        lines += ['', f'## {title}', '', *(f'- [{first[name][0]}]({name}): {first[name][1]}' for name in listed)]
    single = ('configuration.html', 'api_list.html', 'changelog.html')
    lines += ['', '## Reference', '', *(f'- [{first[name][0]}]({name}): {first[name][1]}' for name in single)]
    return '\n'.join(lines) + '\n'

def finish(folder):
    "Write what is made from the whole site, then check its links."
    pages = read_site(folder)
    entries = search_entries(pages)
    index = json.dumps(entries, ensure_ascii=False, separators=(',', ':'))
    (folder/'_static/sections.js').write_text(f'window.SECTIONS = {index};\n', encoding='utf-8')
    (folder/'llms.txt').write_text(llms(pages, entries), encoding='utf-8')
    if broken := broken_links(folder, pages): raise SystemExit('broken links:\n' + '\n'.join(broken[:40]))


if __name__ == '__main__':
    if len(sys.argv) != 2: raise SystemExit(__doc__)
    finish(Path(sys.argv[1]))
