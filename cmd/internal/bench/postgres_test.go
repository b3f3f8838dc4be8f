//go:build bench

package bench

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postgres loads the CSV files into a server of its own and runs postgres.sql. Loading counts; the server's start does not.
func (c *contest) postgres(out string) (took measurement, err error) {
	binaries, err := postgresBinaries()
	if err != nil {
		return measurement{}, err
	}
	dir := filepath.Join(c.work, "postgres")
	defer c.clean(dir)
	s, err := startPostgres(binaries, dir, c.sources)
	if err != nil {
		return measurement{}, err
	}
	peak := watchMemory(s.process.Process.Pid)
	start := time.Now()
	cpu, err := c.askPostgres(s, out)
	took = measurement{seconds: time.Since(start).Seconds(), peakKB: peak()}
	served, stopped := s.stop()
	took.cpu = cpu + served
	return took, errors.Join(err, stopped)
}

// postgresBinaries is the folder of a PostgreSQL 15: that of BENCH_PG_BIN, or of the postgres in PATH.
func postgresBinaries() (string, error) {
	name := "postgres"
	if dir := os.Getenv("BENCH_PG_BIN"); dir != "" {
		name = filepath.Join(dir, name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", notHere("no postgres in PATH or BENCH_PG_BIN")
	}
	// What stands in PATH may be a link, and its neighbours wrappers that look for a server of their own.
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	for _, neighbour := range []string{"initdb", "psql"} {
		if _, err := exec.LookPath(filepath.Join(filepath.Dir(path), neighbour)); err != nil {
			return "", notHere("no " + neighbour + " beside postgres")
		}
	}
	version, err := run(path, "--version")
	if err != nil {
		return "", err
	}
	if !strings.Contains(string(version.output), " 15.") {
		return "", notHere(strings.TrimSpace(string(version.output)) + " is another one")
	}
	return filepath.Dir(path), nil
}

// server is a private PostgreSQL, reached by a socket alone.
type server struct {
	binaries, dir, socket string
	as                    *syscall.SysProcAttr
	process               *exec.Cmd
	ended                 chan error
}

// startPostgres returns a server that answers; what has to be removed of one that does not is removed.
func startPostgres(binaries, dir, sources string) (*server, error) {
	// A socket's path has to be short.
	socket, err := os.MkdirTemp("", "accrue-bench")
	if err != nil {
		return nil, err
	}
	s := &server{binaries: binaries, dir: dir, socket: socket, ended: make(chan error, 1)}
	err = s.initialise(sources)
	if err == nil {
		err = s.start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(socket))
	}
	return s, nil
}

// data is the server's folder of databases.
func (s *server) data() string { return filepath.Join(s.dir, "data") }

// initialise makes the databases and writes the settings.
func (s *server) initialise(sources string) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	if err := s.becomeOther(); err != nil {
		return err
	}
	if _, err := runCommand(s.command("initdb", "-D", s.data(), "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C",
		"--no-sync")); err != nil {
		return fmt.Errorf("its user must be able to reach the bench's folder: %w", err)
	}
	settings, err := os.ReadFile(filepath.Join(sources, "postgres.conf"))
	if err != nil {
		return err
	}
	return appendFile(filepath.Join(s.data(), "postgresql.conf"), settings)
}

// start starts the server and returns once it answers.
func (s *server) start() error {
	workers := strconv.Itoa(threads())
	s.process = s.command("postgres", "-D", s.data(), "-k", s.socket, "-c", "listen_addresses=",
		"-c", "max_parallel_workers="+workers, "-c", "max_parallel_workers_per_gather="+workers,
		"-c", "max_parallel_maintenance_workers="+workers)
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.process.Stdout, s.process.Stderr = log, log
	if err := s.process.Start(); err != nil {
		return fmt.Errorf("starting postgres: %w", err)
	}
	go func() { s.ended <- s.process.Wait() }()
	return s.wait()
}

// becomeOther lets the server run as another user, as it refuses to run as root.
func (s *server) becomeOther() error {
	if os.Getuid() != 0 {
		return nil
	}
	other, err := user.Lookup("postgres")
	if err != nil {
		if other, err = user.Lookup("nobody"); err != nil {
			return err
		}
	}
	uid, err := strconv.Atoi(other.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(other.Gid)
	if err != nil {
		return err
	}
	s.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return errors.Join(os.Chown(s.dir, uid, gid), os.Chown(s.socket, uid, gid))
}

// command is one of the server's programs, in its folder and as its user.
func (s *server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.binaries, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.as
	return cmd
}

func (s *server) psql(args ...string) *exec.Cmd {
	return s.command("psql", append([]string{"-X", "-q", "-h", s.socket, "-U", "bench", "-d", "postgres", "-v", "ON_ERROR_STOP=1"}, args...)...)
}

// wait returns once the server answers.
func (s *server) wait() error {
	for range 300 {
		if _, err := runCommand(s.psql("-c", "SELECT 1")); err == nil {
			return nil
		}
		select {
		case err := <-s.ended:
			return s.failed(fmt.Errorf("postgres ended: %w", err))
		case <-time.After(100 * time.Millisecond):
		}
	}
	_, err := s.stop()
	return s.failed(errors.Join(errors.New("postgres does not answer"), err))
}

// failed adds what the server has to say.
func (s *server) failed(err error) error {
	text, unread := os.ReadFile(filepath.Join(s.dir, "log"))
	return errors.Join(err, unread, errors.New(string(text)))
}

// stop ends the server and returns the CPU seconds of it and its processes: it waits for them, so the system counts them in.
func (s *server) stop() (float64, error) {
	err := s.process.Process.Signal(syscall.SIGINT)
	if err == nil {
		err = <-s.ended
	}
	if err != nil {
		return 0, s.failed(fmt.Errorf("stopping postgres: %w", err))
	}
	state := s.process.ProcessState
	return (state.UserTime() + state.SystemTime()).Seconds(), os.RemoveAll(s.socket)
}

// askPostgres does the work and returns the CPU seconds of the clients. The lines are loaded beside the rest.
func (c *contest) askPostgres(s *server, out string) (float64, error) {
	tables, err := s.feed("", filepath.Join(c.sources, "postgres-tables.sql"))
	if err != nil {
		return 0, err
	}
	type result struct {
		cpu float64
		err error
	}
	lines := make(chan result, 1)
	go func() {
		cpu, err := s.load(c.csv, "items")
		lines <- result{cpu, err}
	}()
	rest, err := s.load(c.csv, "transactions", "returns", "members")
	loaded := <-lines
	if err := errors.Join(err, loaded.err); err != nil {
		return 0, err
	}
	script, err := c.script("postgres.sql", out)
	if err != nil {
		return 0, err
	}
	grants, err := os.Create(out)
	if err != nil {
		return 0, err
	}
	ask := s.psql("-f", "-")
	ask.Stdin, ask.Stdout = strings.NewReader(script), grants
	asked, err := runCommand(ask)
	return tables + rest + loaded.cpu + asked.cpu, errors.Join(err, grants.Close())
}

// load copies CSV files into the tables of their names, one after the other.
func (s *server) load(dir string, datasets ...string) (float64, error) {
	var cpu float64
	for _, name := range datasets {
		took, err := s.feed("COPY "+name+" FROM STDIN (FORMAT csv, HEADER MATCH)", filepath.Join(dir, name+".csv"))
		if err != nil {
			return cpu, err
		}
		cpu += took
	}
	return cpu, nil
}

// feed gives psql a file: as the data of a command, or, without one, as commands.
func (s *server) feed(command, path string) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	what := []string{"-f", "-"}
	if command != "" {
		what = []string{"-c", command}
	}
	cmd := s.psql(what...)
	cmd.Stdin = f
	took, err := runCommand(cmd)
	return took.cpu, err
}

func appendFile(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}
