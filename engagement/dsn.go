package engagement

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/hydraxdev/engagementdb/engagement/internal/engine"
	"github.com/hydraxdev/engagementdb/engagement/internal/postgres"
	"github.com/hydraxdev/engagementdb/engagement/internal/sqlite"
)

// newEngine chooses the engine by the form of dsn.
func newEngine(dsn string, o options) (engine.Engine, error) {
	const want = "want the path of a SQLite file or postgres://user:password@host/database"
	scheme, _, isURL := strings.Cut(dsn, "://")
	switch {
	case isURL && (scheme == "postgres" || scheme == "postgresql"):
		if shown := RedactDSN(dsn); shown == scheme+hidden {
			return nil, invalid("dsn", shown, want+", where what is special in a URL is escaped, such as @ as %40")
		}
		eng, err := postgres.New(dsn, postgres.Options{
			ReadOnly: o.readOnly,
			Async:    o.synchronous != SyncFull,
			Spread:   o.citus,
			Log:      o.log,
		})
		if err != nil {
			return nil, invalid("dsn", RedactDSN(dsn), err.Error())
		}
		return eng, nil
	case dsn == "", isURL, dsn == ":memory:", !isPath(dsn):
		return nil, invalid("dsn", RedactDSN(dsn), want+"; before a path that looks like something else write ./")
	case strings.ContainsRune(dsn, 0):
		return nil, invalid("dsn", dsn, "a path has no NUL")
	case o.citus:
		return nil, invalid("citus", dsn, "a file has no nodes to be spread over")
	}
	return sqlite.New(dsn, sqlite.Options{
		ReadOnly:    o.readOnly,
		Synchronous: strings.ToUpper(string(o.synchronous)),
		Log:         o.log,
		Like:        o.like,
	}), nil
}

// Forms of a DSN that are in use elsewhere, may contain a password and would make
// strange file names.
var (
	// otherURL: SQLite's URIs, and URLs without their slashes or their scheme.
	otherURL = regexp.MustCompile(`(?i)^(file|postgres|postgresql|jdbc):|^//.*@|:.*@`)
	// otherKeywords: such as "host=localhost password=secret".
	otherKeywords = regexp.MustCompile(`(?i)(^|[\s;,&?'"{])[a-z_ ]*(` +
		`(host|hostaddr|dbname|database|user|username|user id|uid|service|server|data source|sslmode)['"]?\s*=|` +
		`(pass|passwd|password|pwd|passfile|secret|token)['"]?\s*[=:])`)
	// ownPath: what begins like nothing but a path.
	ownPath = regexp.MustCompile(`^(/[^/]|\.\.?/|[A-Za-z]:[/\\])`)
)

// isPath reports whether dsn, which is not a URL, is meant as a file's path.
func isPath(dsn string) bool {
	return !otherKeywords.MatchString(dsn) && (ownPath.MatchString(dsn) || !otherURL.MatchString(dsn))
}

// hidden stands for the rest of a URL that may contain a password anywhere.
const hidden = "://…"

var (
	urlScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*$`)
	urlOption = regexp.MustCompile(`^[a-z_.]+=`)
)

// RedactDSN returns what may be shown of a database's name: a path as it is, and
// of a URL, which may contain a password, the scheme, the host and the path.
func RedactDSN(dsn string) string {
	scheme, rest, isURL := strings.Cut(dsn, "://")
	switch {
	case !isURL && isPath(dsn):
		return dsn
	case !isURL, !urlScheme.MatchString(scheme):
		return "…"
	}
	u, err := url.Parse(dsn)
	if err != nil || strayAt(u, rest) {
		return scheme + hidden
	}
	return scheme + "://" + u.Host + u.Path
}

// strayAt reports whether a URL has an @ in the wrong place, so that what looks like
// the host may be part of the password.
func strayAt(u *url.URL, rest string) bool {
	authority, _, _ := strings.Cut(rest, "/")
	authority, _, _ = strings.Cut(authority, "?")
	if strings.Contains(u.Host+u.Path, "@") || strings.Contains(rest, "#") ||
		(u.User == nil && strings.Contains(rest, "@")) || strings.Count(authority, "@") > 1 {
		return true
	}
	for option := range strings.SplitSeq(u.RawQuery, "&") {
		if strings.Contains(option, "@") && !urlOption.MatchString(option) {
			return true
		}
	}
	return false
}
