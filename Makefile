# The menu below is made of the ## comments. Written for GNU make 3.81 (macOS) and newer.

.DEFAULT_GOAL := help

# Each tool is a Go module of its own, so that what a tool depends on never changes what Orderbridge depends on.
GOLANGCI := go tool -modfile=.ci/tools/golangci.mod golangci-lint
OAPI     := go tool -modfile=.ci/tools/oapi.mod oapi-codegen
SQLC     := go tool -modfile=.ci/tools/sqlc.mod sqlc
TEMPL    := go tool -modfile=.ci/tools/templ.mod templ

# The one tool that is no Go program. Its packages, as package-lock.json names them, are beside it and not in git.
OPENAPI_LINT := .ci/tools/openapi-lint

# Everything that `make generate` writes, and nothing else.
SQLC_OUT  := adapters/postgres/internal/dbsqlc
OAPI_OUT  := ports/http/api.gen.go
TEMPL_OUT := ports/web/*_templ.go
GENERATED := $(SQLC_OUT) $(OAPI_OUT) $(TEMPL_OUT) $(ASSETS_OUT)

# What the console embeds is built from this folder and the packages that are pinned there.
ASSETS     := ports/web/assets
ASSETS_OUT := ports/web/static cmd/orderbridge/service/testdata/axe.min.js

FUZZTIME ?= 10s

.PHONY: help
help: ## Show this menu
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: $(if $(DATABASE_URL),,postgres) build ## Build and serve with demo data, on a database of its own (ARGS="…" adds flags)
	bin/orderbridge serve --demo $(ARGS)

.PHONY: build
build: go ## Build bin/orderbridge
	go build -trimpath $(BUILDVCS) -o bin/orderbridge ./cmd/orderbridge

.PHONY: test
test: go compiler postgres chromium ## Run all tests under the race detector (ARGS="…" adds flags)
	CGO_ENABLED=1 go test -race -timeout 20m $(ARGS) ./...

.PHONY: fuzz
fuzz: go postgres ## Run each fuzz target for FUZZTIME (10s)
	@grep -r -E -o --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' ./* | sed 's/:func /:/' | while IFS=: read -r file target; do \
		echo "$$target in $$(dirname "$$file")"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" </dev/null || exit 1; \
	done

.PHONY: bench
bench: build pgbench ## Measure everything, against bare PostgreSQL (ARGS="--only ack_ratio,e2e_ratio" for less)
	go run ./cmd/bench run $(ARGS)

.PHONY: bench-quick
bench-quick: build pgbench ## The same with small counts: whether it works, not how fast
	go run ./cmd/bench run --quick $(ARGS)

.PHONY: bench-rebuild
bench-rebuild: build postgres ## Measure rebuilding over 1,000,000 orders, against the best SQL (ARGS="--orders 100000" for less)
	go run ./cmd/bench rebuild $(ARGS)

.PHONY: bench-soak
bench-soak: build pgbench ## Offer half of what is kept up with for 30 minutes: does anything grow? (ARGS="--minutes 10")
	go run ./cmd/bench soak $(ARGS)

.PHONY: lint
lint: go ## Check style, mistakes, and which package may import which
	$(GOLANGCI) run

.PHONY: lint-api
lint-api: node $(OPENAPI_LINT)/node_modules/.installed ## Check the API's description (needs Node.js)
	$(OPENAPI_LINT)/node_modules/.bin/spectral lint --ruleset $(OPENAPI_LINT)/spectral.yaml --fail-severity warn \
		--fail-on-unmatched-globs ports/http/openapi.yaml

# npm ci begins with an empty node_modules, so an installation that broke off is made again.
$(OPENAPI_LINT)/node_modules/.installed: $(OPENAPI_LINT)/package.json $(OPENAPI_LINT)/package-lock.json | node
	cd $(OPENAPI_LINT) && npm ci
	@touch $@

.PHONY: fmt
fmt: go ## Format all Go code
	$(GOLANGCI) fmt

.PHONY: generate
generate: go ## Write the Go code that SQL and the API's description are the source of
	$(SQLC) compile -f adapters/postgres/sqlc.yaml
	@rm -f $(SQLC_OUT)/*.go # or the code of a deleted query file would stay
	$(SQLC) generate -f adapters/postgres/sqlc.yaml
	$(OAPI) -config ports/http/oapi-codegen.yaml ports/http/openapi.yaml
	@rm -f $(TEMPL_OUT) # for the same reason
	$(TEMPL) generate -path ports/web -log-level warn

.PHONY: assets
assets: $(ASSETS)/node_modules/.installed ## Build the console's style sheet, scripts and icons (needs Node.js)
	node $(ASSETS)/build.mjs

$(ASSETS)/node_modules/.installed: $(ASSETS)/package.json $(ASSETS)/package-lock.json | node
	cd $(ASSETS) && npm ci --no-audit --no-fund
	@touch $@

.PHONY: screenshots
screenshots: go postgres chromium ## Take pictures of all pages of the console, for docs/screenshots
	@rm -rf docs/screenshots
	ORDERBRIDGE_SCREENSHOTS="$(CURDIR)/docs/screenshots" go test -count=1 \
		-run '^(TestEveryPage|TestAShopIsConnected)' ./cmd/orderbridge/service

.PHONY: verify
verify: checkout generate assets ## Fail when generated code or go.mod is stale (needs a git checkout)
	@git diff --exit-code -- $(GENERATED) || { echo 'verify: the generated code above was stale; commit it as it is now' >&2; exit 1; }
	@untracked=$$(git ls-files --others -- $(GENERATED)) && test -z "$$untracked" || { \
		echo "verify: generated, but not in git: $$untracked" >&2; exit 1; }
	go mod tidy -diff

.PHONY: clean
clean: ## Delete what was built, never data
	rm -rf bin coverage.out

# What has to be there first. Each says nothing when all is well.

.PHONY: checkout
checkout:
	@git rev-parse --is-inside-work-tree >/dev/null

.PHONY: go
go:
	@.ci/check-go

.PHONY: compiler
compiler: go
	@.ci/install-compiler

.PHONY: postgres
postgres:
	@.ci/install-postgres

.PHONY: chromium
chromium:
	@.ci/install-chromium

.PHONY: pgbench
pgbench:
	@.ci/install-postgres pgbench

.PHONY: node
node:
	@.ci/install-node

# The commit is stamped into the binary where git can tell it, and a build outside of git is a build all the same.
BUILDVCS = $(shell git rev-parse --quiet --verify HEAD >/dev/null 2>&1 || echo -buildvcs=false)
