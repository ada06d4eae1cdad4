package sqlite_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestWithoutCgoTheBuildSaysWhatIsMissing(t *testing.T) {
	build := exec.Command("go", "build", ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	if err == nil {
		t.Fatal("the library was built without cgo")
	}
	// After the line that names the package, one error and no other.
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 || !strings.Contains(lines[1], "engagementdb needs cgo for SQLite: install gcc, set CGO_ENABLED=1") {
		t.Errorf("the build fails with\n%s", out)
	}
}
