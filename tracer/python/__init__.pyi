from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeVar, overload

__version__: str
Function = TypeVar("Function", bound=Callable[..., Any])

class Error(RuntimeError): ...

def home() -> str: ...
def start(
    *,
    name: str = "",
    detail: Literal["calls", "lines", "values"] = "values",
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    include_stdlib: bool = False,
    site_packages: bool = True,
    where: str = "",
    redact: Iterable[str] = (),
    follow: bool = True,
) -> str: ...
def stop() -> None: ...
def pause() -> None: ...
def resume() -> None: ...
def recording() -> bool: ...
def run_id() -> str | None: ...
def mark(text: object, /, **values: object) -> bool: ...

class record:
    @overload
    def __new__(cls, function: Function, /) -> Function: ...
    @overload
    def __new__(
        cls,
        /,
        *,
        name: str = "",
        detail: Literal["calls", "lines", "values"] = "values",
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        include_stdlib: bool = False,
        site_packages: bool = True,
        where: str = "",
        redact: Iterable[str] = (),
        follow: bool = True,
    ) -> record: ...
    def __enter__(self) -> record: ...
    def __exit__(self, *exception: object) -> Literal[False]: ...
    def __call__(self, function: Function) -> Function: ...

class State:
    info: dict[str, Any]
    position: str
    event: dict[str, Any]
    frames: list[dict[str, Any]]
    threads: list[dict[str, Any]]
    output: list[dict[str, Any]]
    @property
    def variables(self) -> dict[str, Any]: ...

class Run:
    info: dict[str, Any]
    id: str
    command: list[str]
    cwd: str
    python: str
    detail: str
    name: str | None
    start_ns: int
    end_ns: int | None
    state: Literal["running", "ended"]
    exit_code: int | None
    signal: int | None
    complete: bool
    lost: int
    notes: list[str]
    def processes(self) -> list[dict[str, Any]]: ...
    def threads(self) -> list[dict[str, Any]]: ...
    def tasks(self) -> list[dict[str, Any]]: ...
    def sources(self) -> list[dict[str, Any]]: ...
    def events(
        self,
        where: str | None = None,
        *,
        thread: int | None = None,
        start: str | None = None,
        limit: int | None = None,
    ) -> Iterator[dict[str, Any]]: ...
    def at(self, position: str) -> State: ...

def runs(*, failed: bool | None = None, limit: int | None = None) -> list[Run]: ...
