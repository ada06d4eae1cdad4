package main

import (
	"os"
	"strings"
	"testing"
)

func TestNoCommandPrintsAPassword(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, dsn := range []string{
		"host=localhost password=S3cret",
		"host=localhost password = 'S3cret x'",
		"Server=h;Pwd=S3cret",
		"postgres:u:S3cret@h/db",
		"postgres//u:S3cret@h/db",
		"u:S3cret@h/db",
		"postgres://u:S3cret@127.0.0.1:1/db",
		"postgres://u:S3cret@127.0.0.1:1/db?sslmode=odd",
		"postgres://127.0.0.1:1/db?password=S3cret",
		"postgres://127.0.0.1:1/db?sslpassword=S3cret&sslcert=none",
		"postgres://u:p@S3cret@127.0.0.1:1/db",
		"postgresql+x://u:S3cret@h/db",
		"postgres://a-user-with-a-long-name-such-as-clouds-make-them:S3cret@127.0.0.1:1/db",
		"postgres://u:line\nfeed S3cret@127.0.0.1:1/db",
	} {
		t.Run(strings.ReplaceAll(dsn, "/", "_"), func(t *testing.T) {
			for _, args := range [][]string{
				{"stats", "--db", dsn}, {"--db=" + dsn, "stats"}, {"fire", "1", "X", "--db", dsn, "--verbose"},
				{"migrate", "--db", dsn}, {"migrate", "--json", "--db", dsn}, {"backup", "b.db", "--db", dsn},
				{"demo", "--db", dsn}, {"verify", "--db", dsn}, {"copy", "--from", dsn, "--to", "new.db"},
				{"stats"}, {"rebuild", "--verbose"}, // with ENGAGEMENT_DB
				{dsn}, {"stats", dsn}, {"user", dsn}, {"fire", dsn, "X"}, {"stats", "--window", dsn}, // a wrong place
				{"fires", "--user", dsn}, {"leaderboard", dsn}, {"completion", dsn}, {"stats", "--timezone", dsn},
				{"stats", "-" + dsn}, {"stats", "--" + dsn}, {"help", dsn}, {"user", dsn, "--help"},
			} {
				t.Setenv("ENGAGEMENT_DB", dsn)
				r := run(t, args...)
				if strings.Contains(r.out+r.err, "S3cret") {
					t.Errorf("engagement %q:\n%s%s", args, r.out, r.err)
				}
			}
			for _, entry := range entries(t) {
				t.Errorf("%s was made", entry)
			}
		})
	}
}

func entries(t *testing.T) (names []string) {
	t.Helper()
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		names = append(names, file.Name())
	}
	return names
}
