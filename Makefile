# Every tool runs at the version that go.mod pins; nothing is installed outside
# this directory. The tools need no C compiler, the library does (SQLite).

.DEFAULT_GOAL := help
BIN := .bin
SQLC := $(BIN)/sqlc
GOOSE := $(BIN)/goose
STATICCHECK := $(BIN)/staticcheck
MODULES := . engagement/examples engagement/bench engagement/server/browsertest
ifneq (,$(filter postgres://% postgresql://%,$(DB)))
GOOSE_DB = $(GOOSE) -env=none -dir migrations/postgres postgres "$(DB)"
else
GOOSE_DB = $(GOOSE) -env=none -dir migrations sqlite3 "$(DB)"
endif

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Make a month of a community and show what the product knows of it
	@go run ./engagement/cmd/engagement demo

# What runs at the same time as other things: it is tested under the race
# detector too.
CONCURRENT := Concurrent|While|Waits|Waiting|Callers|Queue|Interleav|AtOnce|Processes|Load|Several|Two|Many|View|Close|Transaction|Lost|Hot|Panics|Standby|Stops|Restart|Busy

# Many tests wait for a server or a deadline, so twice as many run as there are
# processors.
AT_ONCE := $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN || echo 2))))

.PHONY: test
test: note-skipped ## Run all tests, on SQLite and PostgreSQL
	@for module in $(MODULES); do echo "== $$module"; (cd $$module && go test -timeout 15m -parallel $(AT_ONCE) ./...) || exit 1; done

.PHONY: race
race: note-skipped ## Run what is concurrent under the race detector
	go test -race -timeout 20m ./engagement/internal/...
	go test -race -timeout 20m -run '$(CONCURRENT)' ./engagement
	go test -race -timeout 20m ./engagement/server

SOAK ?= 10m

.PHONY: soak
soak: note-skipped ## Attack the database for SOAK (default 10m): kills, failing disks, power cuts, damage, lost servers, random calls
	go run ./engagement/internal/soak -for $(SOAK) $(if $(SEED),-seed $(SEED)) $(if $(ONLY),-only $(ONLY))

FUZZTIME ?= 10s

.PHONY: fuzz
fuzz: ## Try every parser with made-up input, FUZZTIME (default 10s) each
	@for package in ./engagement ./engagement/cmd/engagement ./engagement/importer; do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z]*' $$package/*_test.go | sed 's/func //'); do \
			echo "== $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -timeout 60m $$package || exit 1; \
		done; \
	done

.PHONY: note-skipped
note-skipped:
	@if [ -z "$$ENGAGEMENT_TEST_POSTGRES" ] && ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then \
		echo "/postgres is skipped: no PostgreSQL server is installed and ENGAGEMENT_TEST_POSTGRES is not set"; fi
	@command -v python3 >/dev/null || echo "the tests of the client in Python are skipped: there is no python3"

.PHONY: screenshots
screenshots: ## Make pictures of the page of the made-up community, for the documents
	cd engagement/server/browsertest && go run ./screenshots ../../docs/screenshots

.PHONY: bench
bench: ## Measure against hand-written code and C (half an hour, quiet machine); COMPARE=commit, ONLY=pattern, CITUS=dsn
	cd engagement/bench && go run . $(if $(ONLY),--only '$(ONLY)',--out RESULTS.md) $(if $(COMPARE),--compare $(COMPARE)) $(if $(CITUS),--citus '$(CITUS)')

.PHONY: bench-data
bench-data: ## Make the large databases that bench reads, unless they are there (they are kept; delete engagement/bench/data for new ones)
	cd engagement/bench && go run . --make-data

.PHONY: generate
generate: $(SQLC) ## Compile queries/*.sql into dbgen, once for each engine, and write the OpenAPI document
	$(SQLC) generate
	cd engagement/internal/postgres && go run ./adapt
	cd engagement/server && go run ./internal/document

.PHONY: verify
verify: $(SQLC) ## Check that dbgen and the OpenAPI document are current, queries are sound and go.mod is tidy
	$(SQLC) diff
	$(SQLC) vet
	cd engagement/internal/postgres && go run ./adapt -diff
	cd engagement/server && go run ./internal/document -diff
	@for module in $(MODULES); do (cd $$module && go mod tidy -diff) || exit 1; done

.PHONY: lint
lint: $(STATICCHECK) ## Run gofmt, go vet and staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
		if [ -n "$$unformatted" ]; then echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; fi
	@for module in $(MODULES); do echo "== $$module"; \
		(cd $$module && go vet ./... && $(CURDIR)/$(STATICCHECK) ./...) || exit 1; done

.PHONY: migrate-up
migrate-up: need-db $(GOOSE) ## Migrate DB=… (a file or a URL) to the latest schema
	$(GOOSE_DB) up

.PHONY: migrate-down
migrate-down: need-db $(GOOSE) ## Take the last migration of DB=… back
	$(GOOSE_DB) down

.PHONY: migrate-status
migrate-status: need-db $(GOOSE) ## Show which migrations DB=… has
	$(GOOSE_DB) status

.PHONY: migration
migration: $(GOOSE) ## Make the next migration for both engines, NAME=…
	@test -n "$(NAME)" || { echo "usage: make migration NAME=add_something"; exit 2; }
	$(GOOSE) -env=none -s -dir migrations create $(NAME) sql
	$(GOOSE) -env=none -s -dir migrations/postgres create $(NAME) sql

.PHONY: need-db
need-db:
	@test -n "$(DB)" || { echo "usage: make migrate-up DB=path/to/engagement.db"; exit 2; }

.PHONY: clean
clean: ## Delete the tools that were built
	rm -rf $(BIN)

$(SQLC): go.mod
	CGO_ENABLED=0 go build -o $@ github.com/sqlc-dev/sqlc/cmd/sqlc
	@touch $@

# The tags leave out goose's drivers for databases that this project does not use.
$(GOOSE): go.mod
	CGO_ENABLED=0 go build -tags no_clickhouse,no_libsql,no_mssql,no_mysql,no_spanner,no_vertica,no_ydb,no_duckdb -o $@ github.com/pressly/goose/v3/cmd/goose
	@touch $@

$(STATICCHECK): go.mod
	CGO_ENABLED=0 go build -o $@ honnef.co/go/tools/cmd/staticcheck
	@touch $@
