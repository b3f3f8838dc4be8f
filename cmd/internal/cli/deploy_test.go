package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const deployDir = "../../../jobs/deploy"

// deployed reads the examples of how to start accrue, by name.
func deployed(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(deployDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(deployDir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(text)
	}
	return out
}

var deployedCommand = regexp.MustCompile(`accrue( --project \{?\S+)? (schedule|verify)([^";\n]*)`)

// Every command line in the examples is one that accrue understands.
func TestDeployedCommands(t *testing.T) {
	files := deployed(t)
	for _, name := range []string{"accrue.service", "accrue-once.service", "cronjob.yaml", "airflow_dag.py"} {
		var found int
		for _, line := range strings.Split(files[name], "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "#") {
				continue
			}
			m := deployedCommand.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			found++
			cmd, args, err := (&app{}).root().Find(append([]string{m[2]}, strings.Fields(m[3])...))
			if err == nil {
				err = cmd.ParseFlags(args)
			}
			if err != nil || cmd.Name() != m[2] || len(cmd.Flags().Args()) > 0 {
				t.Errorf("%s: %s: %v", name, m[0], err)
			}
		}
		if found == 0 {
			t.Errorf("%s starts nothing", name)
		}
	}
}

// The CronJob is YAML of the form that Kubernetes takes, lets nothing overlap, and mounts the project.
func TestDeployedCronJob(t *testing.T) {
	var job struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Metadata   struct{ Name string }
		Spec       struct {
			Schedule          string
			ConcurrencyPolicy string `yaml:"concurrencyPolicy"`
			JobTemplate       struct {
				Spec struct {
					BackoffLimit *int `yaml:"backoffLimit"`
					Template     struct {
						Spec struct {
							RestartPolicy string `yaml:"restartPolicy"`
							Containers    []struct {
								Name         string
								WorkingDir   string `yaml:"workingDir"`
								VolumeMounts []struct {
									Name      string
									MountPath string `yaml:"mountPath"`
								} `yaml:"volumeMounts"`
							}
							Volumes []struct{ Name string }
						}
					}
				}
			} `yaml:"jobTemplate"`
		}
	}
	if err := yaml.Unmarshal([]byte(deployed(t)["cronjob.yaml"]), &job); err != nil {
		t.Fatal(err)
	}
	pod := job.Spec.JobTemplate.Spec.Template.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "CronJob" || job.Metadata.Name == "" || job.Spec.ConcurrencyPolicy != "Forbid" ||
		pod.RestartPolicy != "Never" || len(pod.Containers) != 1 || job.Spec.JobTemplate.Spec.BackoffLimit == nil {
		t.Fatalf("the CronJob is %+v", job)
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	mounted := map[string]bool{}
	for _, m := range pod.Containers[0].VolumeMounts {
		mounted[m.MountPath] = volumes[m.Name]
	}
	if !mounted[pod.Containers[0].WorkingDir] {
		t.Error("the project is not mounted where accrue works")
	}
}

// The units are held against systemd and the DAG against Python where they are on this machine.
func TestDeployedUnitsAndDAG(t *testing.T) {
	files, dir := deployed(t), t.TempDir()
	var units []string
	for name, text := range files {
		if ext := filepath.Ext(name); ext != ".service" && ext != ".timer" {
			continue
		}
		for _, want := range []string{"[Unit]\n", "Description="} {
			if !strings.Contains(text, want) {
				t.Errorf("%s has no %s", name, want)
			}
		}
		path := filepath.Join(dir, name)
		// The program need not be installed here.
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "/usr/local/bin/accrue", "/bin/true")), 0o600); err != nil {
			t.Fatal(err)
		}
		units = append(units, path)
	}
	if len(units) != 3 {
		t.Errorf("%d units", len(units))
	}
	if tool, err := exec.LookPath("systemd-analyze"); err == nil {
		if out, err := exec.Command(tool, append([]string{"verify"}, units...)...).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("systemd-analyze: %v\n%s", err, out)
		}
	}
	if tool, err := exec.LookPath("python3"); err == nil {
		cmd := exec.Command(tool, "-c", "import ast, sys; ast.parse(sys.stdin.read())")
		cmd.Stdin = strings.NewReader(files["airflow_dag.py"])
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("python: %v\n%s", err, out)
		}
	}
}
