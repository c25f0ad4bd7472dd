"""Renders chat templates with limits on work, memory and output: the program of a child process.

Reads one JSON object a line from standard input (`template`, `arguments`, `prompts`, `cpu_seconds`, `memory_bytes`,
`characters`) and writes one JSON object a prompt, `{"text": ...}` or `{"error": ..., "kind": ...}`. Jinja is set up as
transformers does it."""
import json
import sys
from datetime import datetime
from functools import lru_cache

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    "`{% generation %}` marks the assistant's tokens in some templates; the text inside is rendered as it is."
    tags = {"generation"}

    def parse(self, parser):
        "The body of the block, as if the tag weren't there."
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def raise_exception(message):
    "What templates call to refuse a conversation."
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    "JSON without HTML escapes."
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    "The sandbox in which a template runs."
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return env


@lru_cache(4)
def compiled(template):
    "A template, compiled once for all the jobs that ask for it."
    return environment().from_string(template)


def limit(cpu_seconds, memory_bytes):
    "Let the operating system end this process when a job takes too much; Windows has no such limits."
    try: import resource
    except ImportError: return
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime + 0.5)
    for kind, most in ((resource.RLIMIT_CPU, spent + cpu_seconds), (resource.RLIMIT_AS, memory_bytes)):
        try: resource.setrlimit(kind, (most, resource.getrlimit(kind)[1]))
        except (ValueError, OSError): continue  # a lower limit holds already, or the system has none


def render(template, arguments, messages, room):
    "The text of one prompt, at most `room` characters."
    parts, length = [], 0
    given = {"tools": None, "documents": None, "add_generation_prompt": True, **arguments, "messages": messages}
    for part in template.generate(given):
        length += len(part)
        if length > room: raise MemoryError
        parts.append(part)
    return "".join(parts)


def answer(template, arguments, messages, room):
    "The text of one prompt, or why there is none."
    try: return {"text": render(template, arguments, messages, room)}
    except MemoryError: return {"error": "it writes more than a prompt can be", "kind": "limit"}
    except Exception as e:  # whatever a template can raise is its author's fault, and named
        kind = "refused" if type(e) is jinja2.exceptions.TemplateError else "broken"
        return {"error": f"{type(e).__name__}: {e}"[:500] if kind == "broken" else str(e)[:500], "kind": kind}


def answers(job):
    "The replies to one job, one a prompt."
    room = job["characters"]
    try: template = compiled(job["template"])
    except jinja2.TemplateSyntaxError as e:
        broken = {"error": f"line {e.lineno}: {e.message}"[:500], "kind": "broken"}
        for _ in job["prompts"]: yield broken
        return
    for messages in job["prompts"]:
        reply = answer(template, job["arguments"], messages, room)
        room -= len(reply.get("text", ""))
        yield reply


def main():
    "Render what standard input asks for, job by job, until it ends."
    for line in sys.stdin:
        job = json.loads(line)
        limit(job["cpu_seconds"], job["memory_bytes"])
        for reply in answers(job): print(json.dumps(reply), flush=True)


if __name__ == "__main__": main()
