package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/usance/usance/store/pgstore/pgtest"
)

// image is what the Dockerfile says of the image it makes.
type image struct {
	env             map[string]string
	entrypoint, cmd []string
	uid             int
	writable        []string
	build           []string // the command that builds the binary, but for where to
}

func readImage(t *testing.T) image {
	t.Helper()
	text := examples(t)["../../deploy/compose/Dockerfile"]
	out := image{env: map[string]string{}}
	if m := regexp.MustCompile(`(?m)^RUN CGO_ENABLED=0 (go build .*?) -o `).FindStringSubmatch(text); m != nil {
		out.build = strings.Fields(m[1])
	}
	last := text[strings.LastIndex(text, "\nFROM ")+1:]
	for _, line := range strings.Split(last, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		var err error
		switch word {
		case "ENV":
			for _, pair := range strings.Fields(rest) {
				k, v, _ := strings.Cut(pair, "=")
				out.env[k] = v
			}
		case "ENTRYPOINT":
			err = yaml.Unmarshal([]byte(rest), &out.entrypoint)
		case "CMD":
			err = yaml.Unmarshal([]byte(rest), &out.cmd)
		case "USER":
			user, _, _ := strings.Cut(rest, ":")
			out.uid, err = strconv.Atoi(user)
		case "VOLUME":
			out.writable = strings.Fields(rest)
		}
		if err != nil {
			t.Fatalf("Dockerfile: %s: %v", line, err)
		}
	}
	if !strings.HasPrefix(last, "FROM scratch\n") || out.uid == 0 || len(out.entrypoint) != 1 || len(out.cmd) == 0 || len(out.writable) == 0 || len(out.build) < 3 {
		t.Fatalf("the Dockerfile says something else than this test reads: %+v", out)
	}
	return out
}

// container is a place as an example makes it: the binary alone in an empty root
// where its user may write to a few folders and nowhere else.
type container struct {
	image
	root string
}

func (i image) container(t *testing.T, binary string, writable ...string) container {
	t.Helper()
	c := container{i, t.TempDir()}
	for dir := c.root; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil { // another user has to pass
			t.Fatal(err)
		}
	}
	if err := os.Link(binary, filepath.Join(c.root, i.entrypoint[0])); err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(writable, i.writable...) {
		at := filepath.Join(c.root, dir)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(at, i.uid, i.uid); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c
}

// command runs the image's program. Without the rights to change root and user it
// runs beside the container's root, whose paths are put before those of env.
func (c container) command(args []string, env map[string]string) *exec.Cmd {
	all := maps.Clone(c.env)
	maps.Copy(all, env)
	cmd := exec.CommandContext(context.Background(), c.entrypoint[0], args...)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Credential: &syscall.Credential{Uid: uint32(c.uid), Gid: uint32(c.uid)}}
		cmd.Dir = "/"
	} else {
		cmd.Path = filepath.Join(c.root, c.entrypoint[0])
		for _, name := range []string{"USANCE_DATA", "TMPDIR"} {
			all[name] = filepath.Join(c.root, all[name])
		}
	}
	for k, v := range all {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

// serves starts the server, on another port than the container's, and asks the
// paths, which must be answered 200.
func (c container) serves(t *testing.T, args []string, env map[string]string, paths ...string) {
	t.Helper()
	here := map[string]string{}
	maps.Copy(here, env)
	here["USANCE_LISTEN"] = "127.0.0.1:0"
	p, err := start(c.command(args, here))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := ask(t, req); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if err := p.stop(syscall.SIGTERM); err != nil { // as every orchestrator does
		t.Errorf("stopping: %v", err)
	}
}

// listens is the port of USANCE_LISTEN, which must be open to other machines.
func listens(t *testing.T, env map[string]string) int {
	t.Helper()
	host, port, err := net.SplitHostPort(env["USANCE_LISTEN"])
	n, convErr := strconv.Atoi(port)
	if err != nil || convErr != nil || host != "0.0.0.0" {
		t.Fatalf("USANCE_LISTEN=%s", env["USANCE_LISTEN"])
	}
	return n
}

func buildAs(t *testing.T, i image) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "usance")
	cmd := exec.CommandContext(t.Context(), i.build[0], append(slices.Clone(i.build[1:]), "-o", binary, ".")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return binary
}

type composeFile struct {
	Services map[string]struct {
		Environment map[string]string
		Ports       []string
		Volumes     []string
		Tmpfs       []string
		ReadOnly    bool   `yaml:"read_only"`
		Stop        string `yaml:"stop_grace_period"`
	}
}

type kubernetesContainer struct {
	Name string
	Args []string
	Env  []struct {
		Name, Value string
		ValueFrom   struct {
			SecretKeyRef struct{ Name, Key string } `yaml:"secretKeyRef"`
		} `yaml:"valueFrom"`
	}
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	Readiness    probe `yaml:"readinessProbe"`
	Liveness     probe `yaml:"livenessProbe"`
	VolumeMounts []struct {
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
	SecurityContext struct {
		ReadOnlyRootFilesystem bool `yaml:"readOnlyRootFilesystem"`
	} `yaml:"securityContext"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

type deployment struct {
	Spec struct {
		Template struct {
			Spec struct {
				Grace           int `yaml:"terminationGracePeriodSeconds"`
				SecurityContext struct {
					RunAsUser int `yaml:"runAsUser"`
				} `yaml:"securityContext"`
				InitContainers []kubernetesContainer `yaml:"initContainers"`
				Containers     []kubernetesContainer
			}
		}
	}
}

// The containers of the examples are run as they say: the Dockerfile's build, its
// user, nothing else in the root, no folder to write to but those named; the
// arguments and the environment of each; the paths that probes ask.
func TestExamplesOfContainersRunAndAnswerTheirProbes(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("not root: the binary runs in this user's root, so that the empty one of the image is not tried")
	}
	files, img := examples(t), readImage(t)
	binary := buildAs(t, img)
	secrets := map[string]string{"master-key": strings.Repeat("0f", 32), "operator-token": "us_" + strings.Repeat("a", 40), "password": "pw"}
	t.Run("embedded.yaml", func(t *testing.T) {
		var f composeFile
		if err := yaml.Unmarshal([]byte(files["../../deploy/compose/embedded.yaml"]), &f); err != nil {
			t.Fatal(err)
		}
		s := f.Services["usance"]
		if !s.ReadOnly || len(s.Ports) != 1 || !strings.HasSuffix(s.Ports[0], fmt.Sprint(":", listens(t, img.env))) || len(s.Volumes) != 1 || !strings.HasSuffix(s.Volumes[0], ":"+img.env["USANCE_DATA"]) {
			t.Errorf("%+v does not go with the image's %v", s, img.env)
		}
		img.container(t, binary).serves(t, img.cmd, nil, "/healthz", "/readyz", "/")
	})
	t.Run("postgres.yaml", func(t *testing.T) {
		pg := postgres(t)
		var f composeFile
		if err := yaml.Unmarshal([]byte(files["../../deploy/compose/postgres.yaml"]), &f); err != nil {
			t.Fatal(err)
		}
		s := f.Services["usance"]
		env := map[string]string{}
		for k, v := range s.Environment {
			env[k] = os.Expand(v, func(name string) string {
				name, _, _ = strings.Cut(name, ":")
				return map[string]string{"POSTGRES_PASSWORD": secrets["password"], "USANCE_MASTER_KEY": secrets["master-key"], "USANCE_OPERATOR_TOKEN": secrets["operator-token"]}[name]
			})
		}
		if want := "postgres://usance:pw@postgres/usance?sslmode=disable"; env["USANCE_STORE"] != want || !s.ReadOnly || len(s.Tmpfs) != 1 {
			t.Errorf("%+v", s)
		}
		env["USANCE_STORE"] = pg.URL("postgres")
		tmp, _, _ := strings.Cut(s.Tmpfs[0], ":")
		c := img.container(t, binary, tmp)
		for range 2 { // and again, on what is there
			c.serves(t, img.cmd, env, "/healthz", "/readyz")
		}
		if port := fmt.Sprint(listens(t, img.env)); !strings.Contains(files["../../deploy/compose/nginx.conf"], "http://usance:"+port+";") {
			t.Errorf("nginx.conf does not send to port %s", port)
		}
	})
	t.Run("usance.yaml", func(t *testing.T) {
		secrets["store"] = postgres(t).URL("postgres")
		document, _, _ := strings.Cut(files["../../deploy/kubernetes/usance.yaml"], "\n---\n")
		runDeployment(t, document, img, binary, secrets)
	})
}

func postgres(t *testing.T) *pgtest.Server {
	t.Helper()
	pgtest.Need(t)
	s, err := pgtest.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func runDeployment(t *testing.T, document string, img image, binary string, secrets map[string]string) {
	t.Helper()
	var d deployment
	if err := yaml.Unmarshal([]byte(document), &d); err != nil {
		t.Fatal(err)
	}
	spec := d.Spec.Template.Spec
	if len(spec.InitContainers) != 1 || len(spec.Containers) != 1 || spec.SecurityContext.RunAsUser != img.uid || spec.Grace < 10 {
		t.Fatalf("%+v", spec)
	}
	envOf := func(k kubernetesContainer) map[string]string {
		env := map[string]string{}
		for _, e := range k.Env {
			env[e.Name] = e.Value
			if ref := e.ValueFrom.SecretKeyRef; ref.Key != "" {
				value, ok := secrets[ref.Key]
				if env[e.Name] = value; !ok || ref.Name != "usance" {
					t.Errorf("%s of the secret %s is not made by the commands at the top", ref.Key, ref.Name)
				}
			}
		}
		return env
	}
	first, main := spec.InitContainers[0], spec.Containers[0]
	if !first.SecurityContext.ReadOnlyRootFilesystem || !main.SecurityContext.ReadOnlyRootFilesystem {
		t.Error("a root file system may be written to")
	}
	if out, err := img.container(t, binary).command(first.Args, envOf(first)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", first.Args, err, out)
	}
	env := envOf(main)
	ready, live := main.Readiness.HTTPGet, main.Liveness.HTTPGet
	if len(main.Ports) != 1 || main.Ports[0].ContainerPort != listens(t, env) || ready.Port != main.Ports[0].Name || live.Port != main.Ports[0].Name {
		t.Errorf("ports %+v, probes %+v, %+v", main.Ports, ready, live)
	}
	mounts := make([]string, len(main.VolumeMounts))
	for i, m := range main.VolumeMounts {
		mounts[i] = path.Clean(m.MountPath)
	}
	img.container(t, binary, mounts...).serves(t, main.Args, env, live.Path, ready.Path, "/metrics")
}
