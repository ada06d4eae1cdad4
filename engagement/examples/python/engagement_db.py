"""The calls of the module engagement_db, answered by `engagement serve` over HTTP.

A program that used the module changes its import and nothing else. The environment
says which server to ask:

- ENGAGEMENT_URL, its address: http://127.0.0.1:8080 unless set
- ENGAGEMENT_TOKEN, a token with the scopes that the calls need: write to record, read
  to ask, admin for cleanup_old_data

A call that meets a busy or restarting server, or none, is repeated for half a minute.
That counts nothing twice, since every fact has a key. A call that failed raises
EngagementError: nothing answers with False, None or an empty list in place of an error.

Times are as the module gave them: of this machine's zone, without saying so. It needs
Python 3.8 and nothing but its standard library.
"""

import collections
import http.client
import json
import logging
import operator
import os
import random
import ssl
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Deque, Dict, List, Optional, Tuple, Union
from urllib.parse import quote, urlencode, urlsplit

logger = logging.getLogger(__name__)

DB_PATH = "data/engagement.db"

_DEFAULT_URL = "http://127.0.0.1:8080"
_TIMEOUT = 35.0  # seconds; the server itself ends what takes longer than 30
_CLEANUP_TIMEOUT = 16 * 60.0  # which the server gives 15 minutes
_PATIENCE = 30.0  # seconds in which a call is repeated
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # seconds between two tries, unless the server asks for more
_KEPT = 60.0  # seconds for which a connection is kept idle; the server closes it after 120
_LONGEST_PAGE = 10_000
_PROBLEM = "urn:engagementdb:"
_PASSING = (429, 502, 503, 504)  # statuses of what may be over soon
_RANKINGS = ("total_fires", "win_rate", "pnl")
_DIRECTIONS = {"LONG": "BUY", "BUY": "BUY", "SHORT": "SELL", "SELL": "SELL"}


class EngagementError(Exception):
    """A call that failed, with the fields of the server's problem (RFC 9457).

    Those that it does not have are None. `kind` is its type in short, one of those that
    docs/http.md lists, such as "forbidden" or "conflict"; "" if the server sent none.
    """

    def __init__(self, call: str, problem: Dict[str, Any]) -> None:
        self.type: str = problem.get("type") or "about:blank"
        self.title: Optional[str] = problem.get("title")
        self.status: Optional[int] = problem.get("status")
        self.detail: Optional[str] = problem.get("detail")
        self.field: Optional[str] = problem.get("field")
        self.value: Optional[str] = problem.get("value")
        self.reason: Optional[str] = problem.get("reason")
        self.request_id: Optional[str] = problem.get("request_id")
        self.kind: str = self.type[len(_PROBLEM) :] if self.type.startswith(_PROBLEM) else ""
        super().__init__(call, problem)

    def __str__(self) -> str:
        request = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.args[0]}: {self.detail or self.title}{request}"


class EngagementInvalid(EngagementError, ValueError):
    """A call with an argument that is refused; `field`, `value` and `reason` say which and why."""


class EngagementUnavailable(EngagementError):
    """A server that did not answer, or was not ready, for as long as the call was repeated.

    Whether a fact is recorded is not known; the same call later counts it once. That is
    true of update_user_pnl only with a trade_id. `retry_after` is how many seconds the
    server asked to wait, 0 if it did not.
    """

    def __init__(self, call: str, problem: Dict[str, Any], retry_after: float = 0) -> None:
        super().__init__(call, problem)
        self.retry_after = retry_after


@dataclass
class SignalFire:
    """A fire that is recorded."""

    id: Optional[int] = None
    user_id: Optional[int] = None
    signal_id: Optional[str] = None
    timestamp: Optional[datetime] = None
    executed: bool = False

    def to_dict(self) -> Dict[str, Any]:
        """Returns the fields by their names, the time in ISO format."""
        return dict(asdict(self), timestamp=_iso(self.timestamp))


@dataclass
class UserStats:
    """A user's totals since the beginning."""

    user_id: Optional[int] = None
    total_fires: int = 0
    win_rate: float = 0.0
    pnl: float = 0.0
    last_updated: Optional[datetime] = None

    def to_dict(self) -> Dict[str, Any]:
        """Returns the fields by their names, the time in ISO format."""
        return dict(asdict(self), last_updated=_iso(self.last_updated))


@dataclass
class SignalMetrics:
    """A signal's totals since the beginning."""

    signal_id: Optional[str] = None
    total_fires: int = 0
    active_users: int = 0
    created_at: Optional[datetime] = None

    def to_dict(self) -> Dict[str, Any]:
        """Returns the fields by their names, the time in ISO format."""
        return dict(asdict(self), created_at=_iso(self.created_at))


class EngagementDatabase:
    """The database behind a server. Threads may share it; it keeps its connections.

    Each method raises EngagementInvalid for an argument that is refused,
    EngagementUnavailable if the server was not to be had, and EngagementError for
    whatever else failed.
    """

    def __init__(
        self,
        db_path: str = DB_PATH,
        *,
        url: Optional[str] = None,
        token: Optional[str] = None,
        timeout: float = _TIMEOUT,
        patience: float = _PATIENCE,
    ) -> None:
        """Connects to nothing yet.

        db_path: not used, since the server decides which database it is
        url, token: in place of ENGAGEMENT_URL and ENGAGEMENT_TOKEN
        timeout: seconds that one try waits for the server
        patience: seconds after which a call that fails is no longer repeated
        """
        self.db_path = db_path
        if db_path != DB_PATH:
            logger.warning("the path %r is not used: the server decides which database it is", db_path)
        self.url = url or os.environ.get("ENGAGEMENT_URL") or _DEFAULT_URL
        address = urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"invalid ENGAGEMENT_URL {self.url!r}: want http://HOST:PORT or https://HOST:PORT")
        self._secure, self._host, self._port = address.scheme == "https", address.hostname, address.port
        self._base = address.path.rstrip("/")
        self._token = (token or os.environ.get("ENGAGEMENT_TOKEN") or "").strip()
        self._timeout, self._patience = timeout, patience
        self._idle: Deque[Tuple[float, http.client.HTTPConnection]] = collections.deque()  # since when
        self._process = os.getpid()

    def close(self) -> None:
        """Closes the connections that are idle. The next call opens one again."""
        while True:
            try:
                self._idle.pop()[1].close()
            except IndexError:
                return

    def ensure_db_directory(self) -> None:
        """Does nothing: the server has made what it needs."""

    def get_connection(self) -> Any:
        """Raises NotImplementedError: SQL of one's own does not go over HTTP."""
        raise NotImplementedError(
            "there is no SQL over HTTP: ask with the other methods, or read the server's database"
        )

    def initialize_database(self) -> None:
        """Returns once the server can record; it has made its tables itself."""
        self._request("GET", "/readyz")

    def record_signal_fire(self, user_id: int, signal_id: str, executed: bool = False) -> bool:
        """Records that a user acted on a signal now, and returns True.

        Repeating it changes nothing, but that it marks the fire executed.
        """
        fire = {"user_id": _user(user_id), "signal_id": _id("signal id", signal_id), "executed": bool(executed)}
        self._ask("POST", "/v1/fires", body=fire)
        return True

    def get_user_signal_fires(self, user_id: int, limit: int = 100) -> List[SignalFire]:
        """Returns a user's fires that are kept, newest first; all of them if limit is negative."""
        return [_fire(item) for item in self._list(_user_path(user_id, "/fires"), limit)]

    def get_signal_fires_by_signal(self, signal_id: str, limit: int = 100) -> List[SignalFire]:
        """Returns a signal's fires that are kept, newest first; all of them if limit is negative."""
        return [_fire(item) for item in self._list("/v1/fires", limit, signal=_id("signal id", signal_id))]

    def get_user_stats(self, user_id: int) -> Optional[UserStats]:
        """Returns a user's totals, or None for one who has neither fired nor traded."""
        user = self._find(_user_path(user_id))
        return None if user is None else _stats(user)

    def update_user_pnl(
        self, user_id: int, pnl_change: float, is_win: bool = True, *, trade_id: Optional[str] = None
    ) -> bool:
        """Adds to a user's P&L as a trade that closed now, and returns True.

        It is a win if is_win, whatever the change; otherwise a loss, or a draw for a
        change of 0. Calling it again adds again, unless trade_id is given, such as the
        platform's ticket: a trade of the same id is counted once, and one with another
        P&L or outcome is a "conflict".
        """
        change = float(pnl_change)
        trade = {
            "user_id": _user(user_id),
            "trade_id": f"pnl-{uuid.uuid4().hex}" if trade_id is None else _id("trade id", trade_id),
            "pnl": change,
            "outcome": "win" if is_win else "loss" if change else "draw",
        }
        self._ask("POST", "/v1/trades", body=trade)
        return True

    def get_signal_metrics(self, signal_id: str) -> Optional[SignalMetrics]:
        """Returns a signal's totals, or None for one that nobody has fired."""
        signal = self._find("/v1/signals/" + _escaped(_id("signal id", signal_id)) + "/totals")
        if signal is None:
            return None
        return SignalMetrics(
            signal["signal_id"], signal["total_fires"], signal["active_users"], _local(signal["created_at"])
        )

    def get_real_time_engagement_stats(self) -> Dict[str, Any]:
        """Returns today's figures of the community, ratios rounded to two digits."""
        today = self._ask("GET", "/v1/today")
        return {
            "total_fires_today": today["total_fires_today"],
            "active_users_today": today["active_users_today"],
            "most_fired_signal": today["most_fired_signal"],
            "avg_fires_per_user": round(float(today["avg_fires_per_user"]), 2),
            "execution_rate": round(float(today["execution_rate"]), 2),
            "timestamp": _iso(_local(today["timestamp"])),
        }

    def get_user_engagement_summary(self, user_id: int) -> Dict[str, Any]:
        """Returns a user's totals, recent activity and streak; zeros for one who is not known."""
        return _summary(_user(user_id), self._find(_user_path(user_id)))

    def get_leaderboard(self, metric: str = "total_fires", limit: int = 10) -> List[Dict[str, Any]]:
        """Returns the totals of the best users by total_fires, win_rate or pnl, the best first.

        All users if limit is negative.
        """
        if metric not in _RANKINGS:
            raise _refused("metric", metric, "want " + ", ".join(_RANKINGS))
        return [
            {
                "user_id": row["user_id"],
                "total_fires": row["total_fires"],
                "win_rate": float(row["win_rate"]),
                "pnl": float(row["pnl"]),
                "last_updated": _local(row["last_updated"]).isoformat(" "),
            }
            for row in self._list(f"/v1/boards/{metric}", limit)
        ]

    def export_user_data(self, user_id: int) -> Dict[str, Any]:
        """Returns everything that is kept about a user, without a cap on the fires.

        What the module did not have, such as trades and streak awards, follows under
        the server's names. Of a user who is not known there is nothing.
        """
        export = self._find(_user_path(user_id, "/export")) or {}
        stats, exported = export.pop("user_stats", None), export.pop("export_timestamp", None)
        own = {
            "user_stats": _stats(stats).to_dict() if stats else None,
            "signal_fires": [_fire(item).to_dict() for item in export.pop("signal_fires", [])],
            "engagement_summary": _summary(_user(user_id), export.pop("engagement_summary", None)),
            "export_timestamp": _iso(_local(exported) if exported else datetime.now()),
        }
        return dict(own, **export)

    def get_recent_winning_trades(self, user_id: int, limit: int = 5) -> List[Dict[str, Any]]:
        """Returns a user's winning trades, last closed first; all of them if limit is negative.

        Symbol and direction are read from the signal's id: EURUSD and BUY from
        EURUSD_LONG_001; UNKNOWN and None if it does not say. entry_price and tcs_score
        are None, since nobody records them.
        """
        wins = []
        for trade in self._list(_user_path(user_id, "/trades"), limit, outcome="win"):
            symbol, direction = _market(trade["signal_id"])
            wins.append(
                {
                    "symbol": symbol,
                    "direction": direction,
                    "entry_price": None,
                    "time_ago": _ago(datetime.now() - _local(trade["closed_at"])),
                    "tcs_score": None,
                    "profit_amount": float(trade["pnl"]),
                }
            )
        return wins

    def cleanup_old_data(self, days_to_keep: int = 90) -> int:
        """Deletes fires older than so many days, of which all figures stay; returns how many.

        It needs the scope admin. Of a call that was repeated, those that an earlier try
        deleted may not be counted.
        """
        path = "/v1/cleanup?" + urlencode({"keep_days": days_to_keep})
        deleted: int = self._ask("POST", path, timeout=_CLEANUP_TIMEOUT)["fires_deleted"]
        return deleted

    def _list(self, path: str, limit: int, **filters: str) -> List[Dict[str, Any]]:
        """Returns the first items of a list, page by page."""
        wanted = limit if limit >= 0 else float("inf")
        items: List[Dict[str, Any]] = []
        while len(items) < wanted:
            size = int(min(_LONGEST_PAGE, wanted - len(items)))
            page = self._ask("GET", path + "?" + urlencode(dict(filters, limit=size)))
            items += page["items"]
            if not page.get("next"):
                break
            filters["after"] = page["next"]
        return items

    def _find(self, path: str) -> Optional[Dict[str, Any]]:
        """Returns what is at a path, or None if the server knows no such user or signal."""
        try:
            found: Dict[str, Any] = self._ask("GET", path)
            return found
        except EngagementError as error:
            if error.kind != "not-found":
                raise
        self._request("GET", "/livez")  # raises if the path itself was not found
        return None

    def _ask(self, method: str, path: str, **request: Any) -> Any:
        """Returns what the JSON of an answer says."""
        answer = self._request(method, path, **request)
        try:
            return json.loads(answer)
        except ValueError as cause:
            problem = {"title": f"the answer is not JSON; is {self.url} the server's address?"}
            raise EngagementError(f"{method} {path}", problem) from cause

    def _request(
        self, method: str, path: str, body: Optional[Dict[str, Any]] = None, timeout: Optional[float] = None
    ) -> bytes:
        """Returns the answer to a request, which it repeats while that may help."""
        text = None if body is None else json.dumps(body).encode()
        give_up, longest = time.monotonic() + self._patience, _FIRST_WAIT
        while True:
            try:
                return self._try(method, path, text, timeout or self._timeout)
            except EngagementUnavailable as failure:
                wait = max(failure.retry_after, random.uniform(longest / 2, longest))
                if time.monotonic() + wait > give_up:
                    raise
                logger.warning("%s; again in %.1f s", failure, wait)
            time.sleep(wait)
            longest = min(2 * longest, _LONGEST_WAIT)

    def _try(self, method: str, path: str, body: Optional[bytes], timeout: float) -> bytes:
        call = f"{method} {path}"
        try:
            response, answer = self._exchange(method, path, body, timeout)
        except ssl.SSLCertVerificationError as refused:
            raise EngagementError(call, {"title": f"{self.url}: {refused}"}) from refused
        except (OSError, http.client.HTTPException) as lost:
            self.close()  # what is idle is most likely lost too
            raise EngagementUnavailable(call, {"title": f"{self.url} does not answer: {lost!r}"}) from lost
        if response.status in (200, 201):
            return answer
        raise _failure(call, response, answer)

    def _exchange(
        self, method: str, path: str, body: Optional[bytes], timeout: float
    ) -> Tuple[http.client.HTTPResponse, bytes]:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = "Bearer " + self._token
        connection = self._connection()
        try:
            connection.timeout = timeout
            if connection.sock:
                connection.sock.settimeout(timeout)
            connection.request(method, self._base + path, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append((time.monotonic(), connection))
        return response, answer

    def _connection(self) -> http.client.HTTPConnection:
        """Returns an idle connection, or a new one, which is not open yet."""
        if self._process != os.getpid():  # this is a fork: what is idle is its parent's
            self._process, self._idle = os.getpid(), collections.deque()
        try:
            since, connection = self._idle.pop()
            if time.monotonic() - since < _KEPT:
                return connection
            connection.close()
        except IndexError:
            pass
        if self._secure:
            return http.client.HTTPSConnection(self._host, self._port)
        return http.client.HTTPConnection(self._host, self._port)


def _failure(call: str, response: http.client.HTTPResponse, answer: bytes) -> EngagementError:
    """Returns the error that an answer stands for."""
    problem: Any = None
    if response.headers.get_content_type() == "application/problem+json":
        try:
            problem = json.loads(answer)
        except ValueError:
            pass  # it is of something between here and the server
    if not isinstance(problem, dict):
        problem = {"title": f"{response.status} {response.reason}", "status": response.status}
    after = response.getheader("Retry-After")
    # A problem that passes says when; what stands before a server may not.
    if response.status in _PASSING and (after or not str(problem.get("type")).startswith(_PROBLEM)):
        return EngagementUnavailable(call, problem, float(after) if after and after.isdigit() else 0)
    return (EngagementInvalid if response.status == 400 else EngagementError)(call, problem)


def _refused(field: str, value: object, reason: str) -> EngagementInvalid:
    """Returns the error for an argument, as the server's would be."""
    problem = {"type": _PROBLEM + "invalid", "status": 400, "detail": f"invalid {field} {value!r}: {reason}"}
    return EngagementInvalid("check", dict(problem, field=field, value=str(value), reason=reason))


def _user(user_id: Union[int, str]) -> int:
    """Returns a user id, which the module also took as text."""
    return int(user_id) if isinstance(user_id, str) else operator.index(user_id)


def _user_path(user_id: Union[int, str], rest: str = "") -> str:
    return f"/v1/users/{_user(user_id)}{rest}"


def _id(field: str, value: str) -> str:
    if not isinstance(value, str) or not value:
        raise _refused(field, value, "want a text that is not empty")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON would carry it, and the server see another id
        raise _refused(field, ascii(value), "it is not Unicode") from None
    return value


def _escaped(text: str) -> str:
    """Returns an id as a part of a path. No dot is left, since . and .. mean something there."""
    return quote(text, safe="").replace(".", "%2E")


def _local(utc: str) -> datetime:
    """Returns a time of the server's as the module gave times, of this machine's zone and without one."""
    whole, _, fraction = utc.rstrip("Z").partition(".")
    moment = datetime.fromisoformat(f"{whole}.{fraction.ljust(6, '0')[:6]}+00:00")
    return moment.astimezone().replace(tzinfo=None)


def _iso(moment: Optional[datetime]) -> Optional[str]:
    return None if moment is None else moment.isoformat()


def _fire(item: Dict[str, Any]) -> SignalFire:
    return SignalFire(item["id"], item["user_id"], item["signal_id"], _local(item["timestamp"]), item["executed"])


def _stats(user: Dict[str, Any]) -> UserStats:
    return UserStats(
        user["user_id"],
        user["total_fires"],
        float(user["win_rate"]),
        float(user["pnl"]),
        _local(user["last_updated"]),
    )


def _summary(user_id: int, user: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    user = user or {}
    return {
        "user_id": user_id,
        "total_fires": user.get("total_fires", 0),
        "win_rate": float(user.get("win_rate", 0)),
        "pnl": float(user.get("pnl", 0)),
        "recent_fires_7d": user.get("recent_fires_7d", 0),
        "favorite_signal": user.get("favorite_signal", {"signal_id": None, "fire_count": 0}),
        "current_streak": user.get("current_streak", 0),
        "last_updated": _iso(_local(user["last_updated"])) if user else None,
    }


def _market(signal_id: str) -> Tuple[str, Optional[str]]:
    """Returns what a signal's id says of its symbol and direction."""
    parts = signal_id.split("_")
    for symbol, word in zip(parts, parts[1:]):
        if word in _DIRECTIONS:
            return symbol, _DIRECTIONS[word]
    return (parts[1] if len(parts) > 1 else "UNKNOWN"), None


def _ago(past: timedelta) -> str:
    """Returns how long ago something was, in the largest unit that fits."""
    minutes = max(0, int(past.total_seconds()) // 60)
    count, unit = minutes, "minute"
    if minutes >= 24 * 60:
        count, unit = minutes // (24 * 60), "day"
    elif minutes >= 60:
        count, unit = minutes // 60, "hour"
    return f"{count} {unit}{'' if count == 1 else 's'} ago"


_default_lock = threading.Lock()
_default: Optional[EngagementDatabase] = None


def _shared() -> EngagementDatabase:
    """Returns the database that the functions below share, of what the environment says at the first call."""
    global _default
    with _default_lock:
        if _default is None:
            _default = EngagementDatabase()
        return _default


def run_migration() -> bool:
    """Returns True once the server can record; it has made its tables itself."""
    _shared().initialize_database()
    return True


def get_engagement_stats() -> Dict[str, Any]:
    """Returns EngagementDatabase.get_real_time_engagement_stats of the shared database."""
    return _shared().get_real_time_engagement_stats()


def record_user_signal_fire(user_id: int, signal_id: str, executed: bool = False) -> bool:
    """Does EngagementDatabase.record_signal_fire on the shared database."""
    return _shared().record_signal_fire(user_id, signal_id, executed)


def get_user_engagement_data(user_id: int) -> Dict[str, Any]:
    """Returns EngagementDatabase.get_user_engagement_summary of the shared database."""
    return _shared().get_user_engagement_summary(user_id)


def update_user_performance(
    user_id: int, pnl_change: float, is_win: bool = True, *, trade_id: Optional[str] = None
) -> bool:
    """Does EngagementDatabase.update_user_pnl on the shared database."""
    return _shared().update_user_pnl(user_id, pnl_change, is_win, trade_id=trade_id)


if __name__ == "__main__":
    run_migration()
    print(json.dumps(get_engagement_stats(), indent=2))
