from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypedDict, TypeVar, Unpack, overload

__version__: str
Function = TypeVar("Function", bound=Callable[..., Any])


class Error(RuntimeError): ...


class Options(TypedDict, total=False):
    """The options of `start` and `record`. help(smiley.start) describes them."""

    name: str
    detail: Literal["calls", "arguments", "lines", "values"]
    include: Iterable[str]
    exclude: Iterable[str]
    include_stdlib: bool
    site_packages: bool
    where: str
    max_depth: int | None
    start_at: str
    stop_after: str | int
    gc: bool
    imports: bool
    log: bool
    c_calls: bool
    redact: Iterable[str]
    redaction: bool
    depth: int | None
    items: int | None
    chars: int | None
    nodes: int | None
    bytes: int | None
    deep: bool
    on_full: Literal["block", "drop", "overwrite"]
    block_timeout: float
    follow: bool


def home() -> str: ...
def start(**options: Unpack[Options]) -> str: ...
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
    def __new__(cls, /, **options: Unpack[Options]) -> record: ...
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
