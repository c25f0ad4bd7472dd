// What widgets alone can't do: run once when the app appears, by the load event of its style sheet.
(function (style) {
  const app = style.closest('.rlvr-app')
  if (!app || app.dataset.ready) return
  app.dataset.ready = 'yes'

  // Keys pressed inside the app are the app's, except the one that saves the notebook. JupyterLab and Notebook 7 take a key
  // at the document and match their shortcuts from the focused element outwards, up to one with the attribute. A shortcut
  // such as '.jp-mod-commandMode :focus' matches the focused element itself, so that element has to have it. Front ends
  // that listen further up don't hear of the key at all.
  const saves = event => (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's'
  const keep = event => { if (app.contains(event.target)) event.target.toggleAttribute('data-lm-suppress-shortcuts', !saves(event)) }
  app.addEventListener('focusin', () => window.addEventListener('keydown', keep, true))
  app.addEventListener('focusout', () => window.removeEventListener('keydown', keep, true))
  app.addEventListener('keydown', event => { arrows(event); if (!saves(event)) event.stopPropagation() })
  // Enter does what the button beside an input does, with the text that is there now: it is sent before Enter is.
  app.addEventListener('keydown', event => {
    if (event.key === 'Enter' && event.target.matches('input[type=text]')) event.target.dispatchEvent(new Event('change', { bubbles: true }))
  }, true)   // on the way down: the widget doesn't let a key of its input up again

  // The buttons of the sections are tabs for a screen reader, and what an input is for is read after its label.
  let serial = 0, opened = null, head = null
  // An input that is reached by keyboard comes to stand below the header, however high that is.
  const sizes = new ResizeObserver(() => app.style.setProperty('--head', `${head.offsetHeight}px`))
  const identify = element => element.id || (element.id = 'rlvr-' + Math.random().toString(36).slice(2, 8) + serial++)
  function describe() {
    if (!head && (head = app.querySelector('.rlvr-head'))) sizes.observe(head)
    const list = app.querySelector('.rlvr-sections')
    const tabs = list ? [...list.querySelectorAll('button')] : []
    tabs.forEach(tab => {
      tab.parentElement.setAttribute('role', 'tablist')
      tab.parentElement.setAttribute('aria-label', 'Sections of the app')
      tab.setAttribute('role', 'tab')
      const chosen = tab.classList.contains('mod-active')
      tab.setAttribute('aria-selected', chosen)
      tab.tabIndex = chosen ? 0 : -1
    })
    const chosen = tabs.find(tab => tab.getAttribute('aria-selected') === 'true')
    // Whoever has opened it, somebody with a click or Python after one, a section is shown from its beginning.
    if (opened && chosen !== opened) setTimeout(backToTop, 60)
    opened = chosen
    app.querySelectorAll('.rlvr-section').forEach(section => {
      section.setAttribute('role', 'tabpanel')
      if (!chosen || !section.offsetParent) return
      section.setAttribute('aria-labelledby', identify(chosen))
      chosen.setAttribute('aria-controls', identify(section))
    })
    app.querySelectorAll('.rlvr-row').forEach(row => {
      const input = row.querySelector('input, select, textarea'), note = row.querySelector('.rlvr-note')
      if (input && note) input.setAttribute('aria-describedby', identify(note))
      if (input) input.setAttribute('aria-invalid', row.classList.contains('rlvr-wrong'))
    })
    describeTable()
  }
  // A screen reader reads the cells of a run behind its name, and is told by which column the runs are sorted.
  function describeTable() {
    const table = app.querySelector('.rlvr-runs')
    if (!table || !table.offsetParent) return
    table.setAttribute('role', 'group')
    table.setAttribute('aria-label', 'Runs')
    table.querySelectorAll('.rlvr-run-row').forEach(row => {
      const tick = row.querySelector('input'), cells = row.querySelector('.rlvr-cells')
      if (tick && cells) tick.setAttribute('aria-describedby', identify(cells))
    })
    table.querySelectorAll('.rlvr-run-head > button').forEach(head => head.setAttribute('aria-pressed', /[\u25b2\u25bc]/.test(head.textContent)))
  }
  // A report in the page follows the theme of the notebook, not that of the browser. It is in a frame that nothing can
  // reach into, so its text is changed before it is shown: the rule for dark colours holds always, or never. A frame that
  // is given another text while it loads may stay blank in Chromium, so another frame takes its place.
  const rule = /@media (\(prefers-color-scheme: dark\)|all|not all) \{/
  function dress() {
    const light = document.body.dataset.jpThemeLight
    if (light === undefined) return
    const wanted = `@media ${light === 'false' ? 'all' : 'not all'} {`
    app.querySelectorAll('iframe[srcdoc]').forEach(frame => {
      const now = frame.srcdoc.match(rule)
      if (!now || now[0] === wanted) return
      const dressed = frame.cloneNode()
      dressed.srcdoc = frame.srcdoc.replace(rule, wanted)
      fit(dressed)
      frame.replaceWith(dressed)
    })
  }
  // A report is as high as what it holds, so that the wheel moves the notebook. No script runs in its frame, and none
  // could reach out of it; the app reaches in to measure.
  function fit(frame) {
    const measure = () => {
      const body = frame.contentDocument?.body
      if (body) frame.style.height = `${Math.max(120, frame.contentDocument.documentElement.offsetHeight + 24)}px`
      return body
    }
    frame.addEventListener('load', () => { const body = measure(); if (body) new ResizeObserver(measure).observe(body) })
  }
  function measureFrames() {
    app.querySelectorAll('iframe[srcdoc][sandbox=""]').forEach(frame => {
      const measured = frame.cloneNode()
      measured.setAttribute('sandbox', 'allow-same-origin')
      fit(measured)
      frame.replaceWith(measured)
    })
  }
  // Where there is little room, a table that is wider than its place has its cells below each other.
  const tables = () => [...app.querySelectorAll('.wide')].filter(box => !box.closest('.rlvr-completions'))
  // A column that fits only because its words are broken into a letter or two a line.
  const squeezed = box => [...box.querySelectorAll('td')].some(cell => cell.clientWidth < 90 && cell.clientHeight > 80)
  function stack() {
    if (app.clientWidth > 600) return
    tables().filter(box => box.clientWidth && (box.scrollWidth > box.clientWidth + 1 || squeezed(box))).forEach(box => {
      const titles = [...box.querySelectorAll('th')].map(cell => cell.textContent)
      box.querySelectorAll('tbody tr').forEach(row => [...row.cells].forEach((cell, i) => { cell.dataset.title = titles[i] || '' }))
      box.classList.add('rlvr-stacked')
    })
  }
  let width = app.clientWidth
  new ResizeObserver(() => {
    if (app.clientWidth === width) return
    width = app.clientWidth
    tables().forEach(box => box.classList.remove('rlvr-stacked'))
    requestAnimationFrame(stack)
  }).observe(app)
  new MutationObserver(dress).observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-light'] })
  let waiting = false
  new MutationObserver(changes => {
    new Set(changes.filter(c => c.type === 'childList').map(c => panelOf(c.target))).forEach(panel => reading.has(panel) && reopen(panel))
    if (waiting) return
    waiting = true
    requestAnimationFrame(() => { waiting = false; describe(); measureFrames(); dress(); stack(); keepFocus(); keepField() })
  }).observe(app, { childList: true, subtree: true, attributes: true, attributeFilter: ['class', 'disabled'] })
  describe()

  function arrows(event) {
    const tab = event.target.closest('[role=tab]')
    const tabs = tab ? [...tab.parentElement.querySelectorAll('[role=tab]')] : [], now = tabs.indexOf(tab), last = tabs.length - 1
    const next = tabs[{ ArrowRight: now === last ? 0 : now + 1, ArrowLeft: now ? now - 1 : last, Home: 0, End: last }[event.key]]
    if (!next) return
    event.preventDefault()
    next.focus()
    next.click()
  }

  // A click in an input that is hidden, or a text put into it, reaches Python.
  function tell(name, text) {
    const input = app.querySelector(`.rlvr-${name} input`)
    if (!input) return
    input.value = text
    for (const kind of ['input', 'change']) input.dispatchEvent(new Event(kind, { bubbles: true }))
  }

  // A name or a path that an input cuts off is shown whole while the pointer is over it.
  app.addEventListener('pointerover', event => {
    const input = event.target
    if (!input.matches('input[type=text], select')) return
    const text = input.matches('select') ? input.selectedOptions[0]?.text ?? '' : input.value, cut = input.scrollWidth > input.clientWidth
    if (cut || input.matches('select') && text.length > 24) input.title = text
    else if (input.title && !cut) input.removeAttribute('title')
  })

  // A completion that is being read must not move away.
  app.addEventListener('toggle', event => {
    const follow = app.querySelector('.rlvr-follow input')
    if (event.target.open && event.target.closest('.rlvr-completions') && follow && follow.checked) follow.click()
  }, true)

  app.addEventListener('click', event => {
    const copy = event.target.closest('.rlvr-copy'), text = copy && copy.parentNode.querySelector('pre')
    if (text) copyText(copy, text)   // other buttons look the same
    const file = event.target.closest('.rlvr-download')
    if (file) download(file.dataset.name, file.dataset.base64)
    const go = event.target.closest('[data-go]')   // a button that leads to a section presses that section's own button
    if (go) [...app.querySelectorAll('[role=tab]')].find(tab => tab.textContent.trim() === go.dataset.go)?.click()
    if (go) setTimeout(toWrong, 300)   // by then the section is there
  })

  // The first field that something is wrong with is brought into view, and can be typed into.
  function toWrong() {
    const input = [...app.querySelectorAll('.rlvr-wrong :is(input, select, textarea)')].find(field => field.offsetParent)
    if (!input) return
    input.scrollIntoView({ block: 'center' })
    input.focus({ preventScroll: true })
  }

  // A message that comes or goes moves what is below it. A button that moves away while it is pressed would miss its click.
  let pressed = null
  const button = event => event.target.closest('button:not(:disabled), summary, label, input[type=checkbox]')
  const place = element => { const box = element.getBoundingClientRect(); return `${box.left} ${box.top}` }
  app.addEventListener('pointerdown', event => {
    const target = event.button === 0 ? button(event) : null
    pressed = target && { target, at: place(target), x: event.clientX, y: event.clientY }
  }, true)
  window.addEventListener('pointerup', event => {
    const was = pressed
    pressed = null
    if (!was || !was.target.isConnected || was.target.contains(event.target) || place(was.target) === was.at) return
    if (Math.hypot(event.clientX - was.x, event.clientY - was.y) < 8) was.target.click()
  }, true)

  // A text that is drawn again keeps what somebody has opened in it and how far it was scrolled: by the panel it is in and the
  // words of its summary, or by a name of its own where the words change.
  const reading = new WeakMap()
  const panelOf = element => element.closest('.widget-html, .jupyter-widgets')
  const kept = panel => { if (!reading.has(panel)) reading.set(panel, { open: new Set(), scrolled: null }); return reading.get(panel) }
  const title = fold => fold.dataset.keep || fold.querySelector('summary')?.textContent
  app.addEventListener('click', event => {
    const fold = event.target.closest('summary')?.parentElement
    if (!fold || fold.closest('.rlvr-completions')) return
    kept(panelOf(fold)).open[fold.open ? 'delete' : 'add'](title(fold))   // before the browser opens or closes it
  })
  app.addEventListener('scroll', event => {
    const box = event.target
    if (box.matches?.('pre')) kept(panelOf(box)).scrolled = box.scrollTop ? { below: box.scrollHeight - box.scrollTop } : null
  }, true)
  function reopen(panel) {
    const { open, scrolled } = reading.get(panel)
    if (open.size) panel.querySelectorAll('details:not([open])').forEach(fold => { if (open.has(title(fold))) fold.open = true })
    const boxes = scrolled ? panel.querySelectorAll('pre') : []
    if (boxes.length === 1) boxes[0].scrollTop = boxes[0].scrollHeight - scrolled.below
  }
  // A button that is switched off or hidden while it has the focus, as Stop is by its own click, hands the focus to the next one.
  let held = null
  app.addEventListener('focusin', event => { held = event.target.closest('.rlvr-head button') })
  app.addEventListener('pointerdown', event => { if (!event.target.closest('.rlvr-head button')) held = null })
  const usable = button => !button.disabled && button.offsetParent
  function keepFocus() {
    if (!held || usable(held) || document.activeElement !== held && app.contains(document.activeElement)) return
    const wanted = ['.rlvr-resume', '.rlvr-pause', '.rlvr-continue', '.rlvr-sections [aria-selected=true]']   // never Start
    const next = wanted.map(name => app.querySelector(`.rlvr-head ${name}`)).find(button => button && usable(button))
    held = null
    if (next) next.focus()
  }
  app.addEventListener('click', event => {   // what it switches off or hides follows within a second or two
    if (event.target.closest('.rlvr-head button')) for (let i = 1; i < 12; i++) setTimeout(keepFocus, 200 * i)
  })
  // So does a button of a field that goes while it has the focus, as the one that mends a value does when another value was
  // typed and Tab led to it: the field stays where it is and has the focus, instead of nothing.
  let field = null
  app.addEventListener('focusin', event => {
    const row = event.target.closest('.rlvr-section .rlvr-row')
    field = row && { row, element: event.target }
  })
  function keepField() {
    if (!field || document.activeElement !== document.body || field.element.isConnected && usable(field.element)) return
    const input = field.row.querySelector('input, select, textarea')
    field = null
    if (input && input.offsetParent) input.focus({ preventScroll: true })
  }
  // The section before may have been scrolled far down. Whoever types in the new one already stays there.
  function backToTop() {
    const typed = document.activeElement
    if (typed.matches('input, select, textarea') && typed.offsetParent && typed.closest('.rlvr-section')) return
    if (head && head.getBoundingClientRect().top - app.getBoundingClientRect().top > 8) app.scrollIntoView({ block: 'start' })
  }
  function copyText(button, text) {
    const range = document.createRange(), selection = getSelection()
    range.selectNodeContents(text)
    selection.removeAllRanges()
    selection.addRange(range)
    const done = copied => { button.textContent = copied ? 'Copied' : 'Selected: press Ctrl+C' }
    if (navigator.clipboard && isSecureContext) navigator.clipboard.writeText(text.textContent).then(() => done(true), () => done(false))
    else done(document.execCommand('copy'))
  }

  // A file that Python has put into a button is kept where the browser keeps its downloads.
  function download(name, base64) {
    const bytes = Uint8Array.from(atob(base64), c => c.charCodeAt(0)), link = document.createElement('a')
    link.href = window.URL.createObjectURL(new Blob([bytes]))   // `URL` alone is the document's, in a handler of an attribute
    link.download = name
    link.click()
    setTimeout(() => window.URL.revokeObjectURL(link.href), 60000)
  }

  // Charts: the values under the pointer in every chart, and a range of steps by dragging.
  const charts = () => [...app.querySelectorAll('svg[data-chart]')]
  const read = chart => chart.read || (chart.read = JSON.parse(chart.dataset.chart))
  function stepAt(chart, x) {
    const data = read(chart), box = chart.getBoundingClientRect(), at = (x - box.left) / box.width * data.width
    return data.first + (at - data.left) / (data.width - data.left - data.right) * (data.last - data.first)
  }
  function nearest(points, step) { return points.reduce((best, p) => Math.abs(p[0] - step) < Math.abs(best[0] - step) ? p : best) }
  function line(chart, name, step, width) {
    let mark = chart.querySelector('.' + name)
    if (step === null) { if (mark) mark.remove(); return }
    const data = read(chart), scale = (data.width - data.left - data.right) / ((data.last - data.first) || 1)
    if (!mark) { mark = document.createElementNS('http://www.w3.org/2000/svg', 'rect'); mark.setAttribute('class', name); chart.append(mark) }
    const values = { x: data.left + (step - data.first) * scale, y: data.top, width: width ? width * scale : 1, height: data.bottom - data.top,
                     fill: 'currentColor', opacity: width ? .15 : .6, 'pointer-events': 'none' }
    for (const [key, value] of Object.entries(values)) mark.setAttribute(key, value)
  }
  function show(chart, step, own) {
    const data = read(chart), figure = chart.parentNode
    let tip = figure.querySelector('.rlvr-tip')
    if (!tip) { tip = document.createElement('div'); tip.className = 'rlvr-tip'; figure.append(tip) }
    const found = data.series.map(s => [s.name, nearest(s.points, step)])
    const at = nearest(found.map(f => f[1]), step)[0]
    const told = ([name, p]) => `${name}: ${p[2]}` + (Math.round(p[0]) === Math.round(at) ? '' : ` (step ${Math.round(p[0])})`)
    tip.textContent = ['step ' + Math.round(at), ...found.map(told)].join('\n')
    line(chart, 'rlvr-cross', at, 0)
    const box = chart.getBoundingClientRect(), share = (data.left + (at - data.first) / ((data.last - data.first) || 1) * (data.width - data.left - data.right)) / data.width
    tip.style.top = box.top - figure.getBoundingClientRect().top + 4 + 'px'
    tip.hidden = !own && charts().length > 12
    const wanted = share > .5 ? share * box.width - tip.offsetWidth - 8 : share * box.width + 8
    tip.style.left = Math.max(0, Math.min(wanted, figure.clientWidth - tip.offsetWidth)) + 'px'
  }
  function hide() { charts().forEach(chart => { line(chart, 'rlvr-cross', null); chart.parentNode.querySelectorAll('.rlvr-tip').forEach(t => t.remove()) }) }
  let drag = null
  app.addEventListener('pointermove', event => {
    const chart = event.target.closest('svg[data-chart]')
    if (!chart) { if (!drag) hide(); return }
    const step = stepAt(chart, event.clientX)
    charts().forEach(other => show(other, step, other === chart))
    if (drag && drag.chart === chart) line(chart, 'rlvr-range', Math.min(drag.step, step), Math.abs(step - drag.step))
  })
  app.addEventListener('pointerleave', hide)
  app.addEventListener('pointerdown', event => {
    const chart = event.target.closest('svg[data-chart]')
    if (chart && event.button === 0) { drag = { chart, step: stepAt(chart, event.clientX), x: event.clientX }; event.preventDefault() }
  })
  app.addEventListener('pointerup', event => {
    if (drag && Math.abs(event.clientX - drag.x) > 8) {
      const ends = [drag.step, stepAt(drag.chart, event.clientX)].sort((a, b) => a - b)
      tell('zoom', `${Math.floor(ends[0])} ${Math.ceil(ends[1])}`)
    }
    if (drag) line(drag.chart, 'rlvr-range', null)
    drag = null
  })
  app.addEventListener('dblclick', event => { if (event.target.closest('svg[data-chart]')) tell('zoom', '') })
})(this)
