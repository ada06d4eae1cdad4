package engagement_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hydraxdev/engagementdb/engagement"
)

// secret is a password that must be shown nowhere.
const secret = "S3cret"

// dsnsWithSecrets are names of databases, well-formed and not, with the secret
// wherever one has been seen.
var dsnsWithSecrets = []string{
	"postgres://u:S3cret@127.0.0.1:1/db",
	"postgres://u:S3cret@127.0.0.1:1/db?sslmode=disable",
	"postgres://:S3cret@127.0.0.1:1/db",
	"postgres://127.0.0.1:1/db?password=S3cret",
	"postgres://127.0.0.1:1/db?user=u&password=S3cret",
	"postgres://u@127.0.0.1:1/db?pass%77ord=S3cret",
	"postgres://u@127.0.0.1:1/db?sslpassword=S3cret",
	"postgres://u@127.0.0.1:1/db?sslmode=S3cret",
	"postgres://u@127.0.0.1:1/db?connect_timeout=S3cret",
	"postgres://u@127.0.0.1:1/db?sslrootcert=/S3cret",
	"postgres://u@127.0.0.1:1/db?sslcert=S3cret&sslkey=S3cret",
	"postgres://u@127.0.0.1:1/db?service=S3cret",
	"postgres://u@127.0.0.1:1/db?S3cret",
	"postgres://u@127.0.0.1:1/db?S3cret=1&sslmode=odd",
	"postgres://u:p%40S3cret@127.0.0.1:1/db",
	"postgres://u:p@S3cret@127.0.0.1:1/db",
	"postgres://u:p/S3cret@127.0.0.1:1/db",
	"postgres://u:p?S3cret@127.0.0.1:1/db",
	"postgres://u:p#S3cret@127.0.0.1:1/db",
	"postgres://u:1#S3cret@127.0.0.1:1/db",
	"postgres://u:1/S3cret@127.0.0.1:1/db",
	"postgres://u:1?S3cret@127.0.0.1:1/db",
	"postgres://a@u:1?S3cret@127.0.0.1:1/db",
	"postgres://a@u:S3cret@127.0.0.1:1/db",
	"postgres://u:S3cret",
	"postgres://u:S3cret/db",
	"postgres://u:S3cret%zz@h/db",
	"postgres://u%3AS3cret%40127.0.0.1/db",
	"postgresql+psycopg2://u:S3cret@h/db",
	"POSTGRES://u:S3cret@h/db",
	"postgers://u:S3cret@h/db",
	"mysql://u:S3cret@tcp(h:3306)/db",
	"jdbc:postgresql://u:S3cret@h/db",
	"jdbc:postgresql://h/db?user=u&password=S3cret",
	"u:S3cret@postgres://h/db",
	"postgres:u:S3cret@h/db",
	"postgres:/u:S3cret@h/db",
	"postgres//u:S3cret@h/db",
	"//u:S3cret@h/db",
	"u:S3cret@h/db",
	"u:S3cret@h:5432",
	"u:x/S3cret@h",
	"host=localhost password=S3cret",
	"host=localhost password = S3cret",
	"host=localhost\tpassword\n=\n'S3cret x'",
	"password='S3cret'",
	"PASSWORD=S3cret",
	"Host=localhost;Password=S3cret;Database=db",
	"Server=h;Uid=u;Pwd=S3cret",
	"sslmode=disable sslpassword=S3cret",
	"PGPASSWORD=S3cret",
	"dbname='x' 'password'=S3cret",
	`{"password": "S3cret"}`,
	"engagement.db?password=S3cret",
	"engagement.db?_auth_user=u&_auth_pass=S3cret",
	"file:engagement.db?_auth_pass=S3cret",
	"file:S3cret",
	"password=S3cret host=a://b",
	"user=u S3cret",
}

// noSecret fails the test if a text shows the secret.
func noSecret(t tb, dsn, what, text string) {
	t.Helper()
	for _, form := range []string{secret, url.QueryEscape(secret), strings.ToLower(secret)} {
		if strings.Contains(text, form) {
			t.Errorf("the password of %q is in %s:\n%s", dsn, what, text)
		}
	}
}

func TestNothingOfADSNThatMayBeAPasswordIsShown(t *testing.T) {
	t.Setenv("PGPASSFILE", os.DevNull)
	t.Chdir(t.TempDir())
	for _, dsn := range dsnsWithSecrets {
		t.Run(strings.ReplaceAll(dsn, "/", "_"), func(t *testing.T) {
			noSecret(t, dsn, "RedactDSN", engagement.RedactDSN(dsn))
			var log journal
			for what, open := range map[string]func() error{
				"Open": func() error { _, err := engagement.Open(t.Context(), dsn, log.option()); return err },
				"Open, read-only": func() error {
					_, err := engagement.Open(t.Context(), dsn, log.option(), engagement.WithReadOnly())
					return err
				},
				"Migrate": func() error { return engagement.Migrate(t.Context(), dsn, log.option()) },
				"Default": func() error {
					t.Setenv("ENGAGEMENT_DB", dsn)
					_, err := engagement.Default(t.Context())
					return err
				},
			} {
				err := open()
				if !errors.Is(err, engagement.ErrInvalid) && !errors.Is(err, engagement.ErrUnavailable) {
					t.Errorf("%s: got error %v, want ErrInvalid or ErrUnavailable", what, err)
				}
				for cause := err; cause != nil; cause = errors.Unwrap(cause) {
					noSecret(t, dsn, what, fmt.Sprintf("%v %+v", cause, cause))
				}
				if refused, ok := errors.AsType[*engagement.InvalidError](err); ok {
					noSecret(t, dsn, what, fmt.Sprintf("%#v", refused))
				}
			}
			noSecret(t, dsn, "the log", log.String())
			if files := must(os.ReadDir("."))(t); len(files) > 0 {
				t.Errorf("it was taken for a path: %v", files)
			}
		})
	}
}

func TestWhatIsShownOfADSN(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"":                      "",
		"data/engagement.db":    "data/engagement.db",
		"/data/a:b@c.db":        "/data/a:b@c.db",
		"./u:p@h":               "./u:p@h",
		`C:\Users\me@x\data.db`: `C:\Users\me@x\data.db`,
		"me@example.com.db":     "me@example.com.db",
		"backup 12:30.db":       "backup 12:30.db",
		"/data/user=7/x.db":     "/data/user=7/x.db",
		"postgres://u:p@host:5432/db?sslmode=disable":          "postgres://host:5432/db",
		"postgres://u:p@host/db?application_name=me@x":         "postgres://host/db",
		"postgres://h1:5432,h2:5433/db?password=x&sslmode=foo": "postgres://h1:5432,h2:5433/db",
	} {
		same(t, dsn, engagement.RedactDSN(dsn), want)
	}
}

func TestAPasswordOfAnyCharactersIsNotShown(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		around := rapid.StringMatching(`[ -~]{0,6}`)
		password := around.Draw(t, "before") + secret + around.Draw(t, "after")
		form := rapid.SampledFrom([]string{
			"postgres://u:%s@127.0.0.1:1/db", "postgres://u@127.0.0.1:1/db?password=%s", "postgresql+x://u:%s@h/db",
			// A user of one letter and a password that begins with a slash would be a path on
			// a drive, as C:\me@x\data.db is.
			"host=h password=%s", "host=h password='%s'", "postgres:u:%s@h/db", "me:%s@h/db",
		}).Draw(t, "form")
		if rapid.Bool().Draw(t, "escaped") {
			password = url.QueryEscape(password)
		}
		dsn := fmt.Sprintf(form, password)
		noSecret(t, dsn, "RedactDSN", engagement.RedactDSN(dsn))
		cancelled, cancel := context.WithCancel(context.Background())
		cancel() // nothing is connected to
		_, err := engagement.Open(cancelled, dsn)
		if err == nil {
			t.Fatalf("%q was opened", dsn)
		}
		noSecret(t, dsn, "Open", err.Error())
	})
}
