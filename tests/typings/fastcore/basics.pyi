# What pyright can't infer of fastcore: `patch` gives back the function it is put on.
from collections.abc import Callable
from typing import Any, TypeVar, overload

F = TypeVar('F', bound=Callable[..., Any])

@overload
def patch(f: F) -> F: ...
@overload
def patch(*, as_prop: bool = False, cls_method: bool = False, set_prop: Any = None) -> Callable[[F], F]: ...
def __getattr__(name: str) -> Any: ...
