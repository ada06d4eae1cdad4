package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// clientOptions are the parameters of a URL that the driver reads itself; others
// are settings of the server.
var clientOptions = []string{
	"sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcertmode", "sslnegotiation", "sslsni",
	"connect_timeout", "target_session_attrs", "channel_binding", "require_auth", "min_protocol_version",
	"max_protocol_version", "host", "port", "service", "servicefile", "passfile", "krbspn", "krbsrvname",
	"default_query_exec_mode", "statement_cache_capacity", "description_cache_capacity",
}

// wanted are values that a parameter may have.
var wanted = map[string]string{
	"sslmode":                 "disable, allow, prefer, require, verify-ca or verify-full",
	"connect_timeout":         "a number of seconds",
	"default_query_exec_mode": "cache_statement, cache_describe, describe_exec, exec or simple_protocol",
	"target_session_attrs":    "any, read-write, read-only, primary, standby or prefer-standby",
	"channel_binding":         "disable, prefer or require",
	"sslcert":                 "both sslcert and sslkey",
	"sslkey":                  "both sslcert and sslkey",
}

// whyNot returns an error that names the parameter of a URL that is wrong. The
// driver's own error may contain a part of the URL that it has misread, such as the
// password.
func whyNot(dsn string, err error) error {
	u, parseErr := url.Parse(dsn)
	if parseErr != nil {
		return errors.New("it is not a URL")
	}
	file, unread := errors.AsType[*fs.PathError](err)
	query := u.Query()
	for _, name := range clientOptions {
		value := query.Get(name)
		if unread && value == file.Path {
			return fmt.Errorf("its parameter %s names a file that cannot be read: %w", name, file.Err)
		}
	}
	for _, name := range clientOptions {
		if !query.Has(name) {
			continue
		}
		without := u.Query()
		without.Del(name)
		u.RawQuery = without.Encode()
		if _, err := pgx.ParseConfig(u.String()); err != nil {
			continue
		}
		if want := wanted[name]; want != "" {
			return fmt.Errorf("its parameter %s wants %s", name, want)
		}
		return fmt.Errorf("its parameter %s cannot be used", name)
	}
	if unread {
		return fmt.Errorf("a file that its parameters or the environment name cannot be read: %w", file.Err)
	}
	return errors.New("the database's driver does not understand it, or a setting PG… of the environment")
}
