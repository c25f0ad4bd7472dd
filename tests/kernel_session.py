"""A kernel and its messages, as a front end sees them: python kernel_session.py [click]. Prints what happened as JSON.

Run by the Python whose kernel is to be tried."""
import json
import sys
import tempfile
import time
from queue import Empty

from jupyter_client.manager import start_new_kernel


class Session:
    "Cells and clicks."
    def __init__(self): self.manager, self.client = start_new_kernel(kernel_name='python3')

    def read(self, cell, until=None, seconds=240):
        "What arrives until the cell is done, or until something has arrived."
        heard, end = [], time.time() + seconds
        while time.time() < end:
            try: m = self.client.get_iopub_msg(timeout=.5)
            except Empty: continue
            kind, content, mine = m['msg_type'], m['content'], m['parent_header'].get('msg_id') == cell
            if kind == 'error': heard.append(('error', '\n'.join(content['traceback'])))
            if kind == 'stream' and mine: heard.append(('text', content['text']))
            if kind == 'comm_msg': heard.append((content['comm_id'],
                                                 str(content['data'].get('state', {}).get('value', ''))))
            if until and heard and until(*heard[-1]): return heard
            if kind == 'status' and content['execution_state'] == 'idle' and mine: return heard
        raise SystemExit(f'took too long: {heard[-5:]}')

    def run(self, code): return self.read(self.client.execute(code))
    def text(self, code): return ''.join(t for kind, t in self.run(code) if kind in ('text', 'error'))
    def click(self, comm):
        content = dict(comm_id=comm, data=dict(method='custom', content=dict(event='click')))
        self.client.shell_channel.send(self.client.session.msg('comm_msg', content))


def main(click):
    s, out = Session(), {}
    try:
        out['versions'] = s.text(
            'import ipykernel, ipywidgets, IPython, traitlets\n'
            'print(*(m.__version__ for m in (ipykernel, ipywidgets, IPython, traitlets)))'
        ).split()
        folder = tempfile.mkdtemp()
        out['shown'] = s.text(
            f"from rlvr_nb.widgets import App\n"
            f"app = App('train.max_steps=400', 'eval.eval_num_samples=16', 'run_dir={folder}/a')\napp"
        )
        stop, status = s.text("print(app.w['stop'].comm.comm_id, app.w['status'].comm.comm_id)").split()
        for how in (['click'] if click else []) + ['interrupt']:
            cell = s.client.execute("print('begin'); result = app.train(); print('end', result.status)")
            s.read(cell, until=lambda where, text: where == 'error' or where == status
                   and 'Running: training, step 3 of' in text)
            later = s.client.execute("print('later')") if click else None
            if how == 'interrupt': s.manager.interrupt_kernel()
            else:
                s.click(stop)
                heard = s.read(cell, until=lambda where, text: where == status and 'Stop' in text)
                ended = any('end' in text for kind, text in heard if kind == 'text')
                out['running when the click was seen'] = not ended
            out[f'{how} text'] = ''.join(t for kind, t in s.read(cell) if kind in ('text', 'error'))
            if later and how == 'click': out['later'] = ''.join(t for kind, t in s.read(later)
                                                                if kind in ('text', 'error'))
            s.run(f"app.form.set('run_dir', '{folder}/b')")
        out['after'] = s.text(
            "print(app.live.status, app.live.run_dir.status(), any(app.live.run_dir.model.iterdir()))"
        ).split()
    finally:
        s.client.stop_channels()
        s.manager.shutdown_kernel(now=True)
    print(json.dumps(out))


if __name__ == '__main__': main('click' in sys.argv[1:])
