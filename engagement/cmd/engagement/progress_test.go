package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

func TestABarShowsHowFarLongWorkIs(t *testing.T) {
	var screen bytes.Buffer
	b := &progressBar{w: &screen, start: time.Now()}
	b.report(5_000, 20_000)
	if !strings.Contains(screen.String(), "25%") {
		t.Errorf("got %q", screen.String())
	}
	b.finish()
	if !strings.HasSuffix(strings.TrimRight(screen.String(), " "), "\r") {
		t.Errorf("the bar is still there: %q", screen.String())
	}
}

func TestASecondOperationGetsItsOwnBar(t *testing.T) {
	var screen bytes.Buffer
	b := &progressBar{w: &screen, start: time.Now()}
	b.report(8, 10)
	screen.Reset()
	b.report(1, 100)
	if !strings.Contains(screen.String(), "1%") {
		t.Errorf("got %q", screen.String())
	}
}

func TestShortWorkShowsNoBar(t *testing.T) {
	var screen bytes.Buffer
	b := &progressBar{w: &screen, start: time.Now(), delay: time.Hour}
	b.report(1, 2)
	b.finish()
	checkText(t, screen.String(), "")
}

func TestNoBarGoesIntoAFile(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out bytes.Buffer
	a := &app{now: func() time.Time { return noon }}
	if code := a.run(context.Background(), []string{"verify", "--db", sampleDB(t)}, strings.NewReader(""), &out, file); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != 0 {
		t.Errorf("stderr has %d bytes", info.Size())
	}
}
