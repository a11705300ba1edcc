# The commands of the project. `make demo` and `make test` do all the set-up
# themselves, from a clean clone, on a Debian machine with Go and Node.

# The version stamped on the binary; without one, as outside a checkout, it tells
# what the build knows.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LINT    ?= github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VULN    ?= golang.org/x/vuln/cmd/govulncheck@v1.8.0

# Without cgo the binary needs no C compiler to build and no libraries to run;
# timetzdata gives it its own time zones.
export CGO_ENABLED ?= 0
BUILD = go build -trimpath -tags timetzdata -ldflags "-X main.stamped=$(VERSION)"

.PHONY: build demo test check race browser fuzz simulate model bench soak sbom reproducible clean

build: console/site/dist/index.html ## bin/usance, with the console in it
	$(BUILD) -o bin/usance ./cmd/usance

console/site/dist/index.html: console/package-lock.json console/index.html console/vite.config.ts $(shell find console/src console/public -type f 2>/dev/null)
	cd console && npm ci --no-audit --no-fund && npm run build
	@touch $@

demo: build ## a server with a year of believable usage
	bin/usance demo

test: ## everything, with what it needs installed
	scripts/test

check: ## vet, lint, vulnerabilities, fast tests
	go vet ./...
	go run $(LINT) run ./...
	scripts/vulncheck $(VULN)
	go test -short ./...

race: ## the concurrent packages under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -short . ./registry ./ledger ./internal/...

browser: build ## the console in a real browser (needs Debian's chromium)
	cd console && npm ci --no-audit --no-fund && USANCE_BIN=../bin/usance npm run e2e && USANCE_BIN=../bin/usance npm run e2e:speed

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME
	scripts/fuzz $(FUZZTIME)

SEEDS ?= 100
simulate: ## the simulator, over SEEDS seeds from USANCE_SEED or one nobody chose
	USANCE_SEEDS=$(SEEDS) go test -count=1 -timeout 0 -v ./sim

model: ## the ledger's model tests, over SEEDS seeds from USANCE_SEED or 1
	scripts/model $(SEEDS)

bench: build ## the performance table; SCALE=1 for all of the large store, KEEP=folder to make it once
	go run ./bench

soak: build ## the binary at work for MINUTES (60): memory stays flat, nothing is lost, verify is clean
	USANCE_BENCH_ROLE=soak go run ./bench

sbom: build ## bin/usance.cdx.json: what the binary is made of, in CycloneDX
	@mkdir -p bin
	go -C scripts/sbom build -o ../../bin/cyclonedx-gomod github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
	bin/cyclonedx-gomod bin -json -licenses -std -version "$(VERSION)" -output bin/usance.cdx.json bin/usance

reproducible: ## two builds from two folders, with nothing shared, are the same bytes
	scripts/reproducible

clean:
	rm -rf bin console/site/dist console/node_modules
