<?php

declare(strict_types=1);

namespace Station;

use Pegel\{Conflict, Full, Locked};

/** Answers the requests of browsers. */
final class Site
{
    private readonly Boards $boards;
    private readonly Texts $texts;
    private readonly Session $session;

    /** @param string $path the path that nginx matched, so that its limits apply to this answer */
    public function __construct(
        private readonly string $method,
        private readonly string $path,
    ) {
    }

    public function answer(): void
    {
        header('Cache-Control: no-store');
        $this->texts = Texts::accepted($_SERVER['HTTP_ACCEPT_LANGUAGE'] ?? '');
        try {
            $this->session = new Session();
            $this->boards = new Boards();
            $this->route();
        } catch (\Pegel\Exception $error) {
            error_log((string) $error);
            http_response_code(503);
            header('Content-Type: text/plain; charset=utf-8');
            echo $this->texts->say('boards fail'), "\n{$error->getMessage()}\n";
        }
    }

    private function route(): void
    {
        $request = "$this->method $this->path";
        if ($this->method === 'POST' && !$this->session->hasToken($_POST['token'] ?? null)) {
            $this->refuse(403, 'foreign form');
        } elseif ($request === 'POST /login') {
            $this->login();
        } elseif (!$this->session->isAllowed()) {
            $this->askPassword();
        } else {
            match ($request) {
                'GET /' => $this->home(),
                'GET /settings', 'GET /control', 'GET /log', 'GET /daemon'
                    => $this->show(substr($this->path, 1)),
                'GET /events' => $this->events(),
                'GET /status' => $this->json($this->view()->parts($this->livePage())),
                'GET /log/lines' => $this->json($this->logLines()),
                'GET /log/download' => $this->download(),
                'POST /first' => $this->begin(),
                'POST /settings' => $this->save('config', 'settings'),
                'POST /control' => $this->save('control', 'control'),
                'POST /command' => $this->command(),
                'POST /service' => $this->request($_POST['running'] ?? null),
                'POST /logout' => $this->logout(),
                default => $this->refuse(404, 'nothing here'),
            };
        }
    }

    private function view(): View
    {
        return new View($this->boards, $this->texts, $this->session);
    }

    private function show(string $page, int $status = 200, mixed ...$facts): void
    {
        http_response_code($status);
        $this->view()->page($page, $facts);
    }

    private function home(): void
    {
        $view = $this->view();
        $view->page($view->status->serials === [] ? 'first' : 'now', []);
    }

    private function refuse(int $status, string $why): void
    {
        $this->show('message', $status, message: $this->texts->say($why));
    }

    private function go(string $to): void
    {
        header("Location: $to", response_code: 303);
    }

    private function json(mixed $value): void
    {
        header('Content-Type: application/json');
        echo json_encode($value, JSON_THROW_ON_ERROR);
    }

    private function livePage(): string
    {
        $page = $_GET['page'] ?? '';
        return in_array($page, View::LIVE, true) ? $page : View::LIVE[0];
    }

    private function events(): void
    {
        $page = $this->livePage();
        (new Events())->send(fn (): array => $this->view()->parts($page));
    }

    private function askPassword(): void
    {
        // Scripts need only the status.
        $isScript = in_array($this->path, ['/events', '/status', '/log/lines'], true);
        $isPage = $this->method === 'GET' && !$isScript;
        $isPage ? $this->show('login', 401) : http_response_code(401);
    }

    private function login(): void
    {
        $password = $_POST['password'] ?? null;
        if (is_string($password) && $this->session->login($password)) {
            $this->go('/');
        } else {
            $this->show('login', 401, message: $this->texts->say('wrong password'));
        }
    }

    private function logout(): void
    {
        $this->session->logout();
        $this->go('/');
    }

    private function save(string $board, string $page): void
    {
        $schema = $this->boards->fields($board);
        $form = Form::sent($schema, $_POST, $this->boards->shared($board), $this->texts);
        $record = $form->record();
        if ($form->errors !== []) {
            $this->show($page, 422, form: $form);
            return;
        }
        try {
            $this->boards->save($board, $form->sequence, $record);
            $this->go("/$page?saved");
        } catch (Conflict) {
            // The entered values stay in the form; the next save replaces those of the other user.
            $form->others = $this->boards->shared($board);
            $form->sequence = $form->others->sequence;
            $this->show($page, 409, form: $form);
        } catch (Locked) {
            $this->show($page, 503, form: $form, message: $this->texts->say('held'));
        }
    }

    /** The first start: saves the minimum that the daemon needs, and starts it. */
    private function begin(): void
    {
        $schema = $this->boards->fields('config');
        $form = Form::sent($schema, $_POST, $this->boards->shared('config'), $this->texts);
        $record = $form->record();
        if ($form->values['serial-0'] === '') {
            $form->errors['serial-0'] ??= $this->texts->say('error serial');
        }
        if ($form->errors !== []) {
            $this->show('first', 422, form: $form);
            return;
        }
        try {
            $this->boards->save('config', $form->sequence, $record);
            $this->request('1');
        } catch (Conflict) {
            // Another user has saved first.
            $this->go('/');
        }
    }

    /** Requests the daemon to run or to stop. */
    private function request(mixed $running): void
    {
        $service = $this->boards->writer('service');
        $service->publish(running: $running === '1');
        $service->sync();
        $this->go($this->path === '/service' ? '/daemon' : '/');
    }

    private function command(): void
    {
        $trimmed = fn (mixed $text): string => is_string($text) ? trim($text) : '';
        $sent = array_map($trimmed, $_POST);
        ['inverter' => $inverter, 'action' => $action] = $sent + ['inverter' => '', 'action' => ''];
        $limit = filter_var(str_replace(',', '.', $sent['limit'] ?? '0'), FILTER_VALIDATE_FLOAT);
        $isRelative = ($sent['unit'] ?? '') === '%';
        $rated = Commands::RATED[substr($inverter, 0, 4)] ?? 0.0;
        $max = $isRelative ? 100.0 : $rated;
        $view = $this->view();
        $commands = new Commands($this->boards);
        $wrong = match (true) {
            !in_array($inverter, $view->status->serials, true),
            !in_array($action, Commands::ACTIONS, true) => [404, 'nothing here'],
            $limit === false || $limit < 0 || $limit > $max => [422, 'error limit'],
            !$commands->areDone() => [503, 'no daemon'],
            default => null,
        };
        if ($wrong !== null) {
            [$status, $why] = $wrong;
            $places = $why === 'error limit' ? [$max, $isRelative ? '%' : 'W'] : [];
            $this->show('control', $status, message: $this->texts->say($why, ...$places));
            return;
        }
        try {
            $isPermanent = isset($sent['permanent']);
            $now = $view->status->now();
            $commands->send($inverter, $action, $limit, $isRelative, $isPermanent, $now);
            $this->go('/control#commands');
        } catch (Full | Locked) {
            $this->show('control', 503, message: $this->texts->say('busy'));
        }
    }

    /** @return array<string, mixed> */
    private function logLines(): array
    {
        $after = is_string($_GET['after'] ?? null) ? $_GET['after'] : '';
        return (new Log())->lines(Log::level($_GET['level'] ?? null), $after);
    }

    private function download(): void
    {
        $log = new Log();
        $log->exists() ? $log->download() : $this->refuse(404, 'no log');
    }
}
