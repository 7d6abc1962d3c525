<?php

/** The station's page: readings, their age, the configuration, and the daemon's switch. */

declare(strict_types=1);

use Pegel\{Conflict, Locked};
use Station\{Boards, ConfigForm, Events, Status};

require getenv('PEGEL_PACKAGE') . '/autoload.php';
spl_autoload_register(function (string $class): void {
    $file = __DIR__ . '/src/' . substr($class, strlen('Station\\')) . '.php';
    if (str_starts_with($class, 'Station\\') && is_file($file)) {
        require $file;
    }
});

/** Whether a browser sends this from a page of ours. Others (curl, no Origin) decide for themselves. */
function isOurs(): bool
{
    $origin = $_SERVER['HTTP_ORIGIN'] ?? null;
    $site = $_SERVER['HTTP_SEC_FETCH_SITE'] ?? 'same-origin';
    return $site === 'same-origin' && in_array($origin, [null, "http://{$_SERVER['HTTP_HOST']}"], true);
}

function show(Boards $boards, ?ConfigForm $form = null, string $notice = ''): void
{
    $status = new Status($boards);
    $form ??= ConfigForm::of($status->config);
    require __DIR__ . '/page.php';
}

function save(Boards $boards): void
{
    $form = ConfigForm::sent($_POST);
    [$interval, $ratedPower] = [$form->interval(), $form->ratedPower()];
    if ($form->errors !== []) {
        http_response_code(422);
        show($boards, $form);
        return;
    }
    try {
        $boards->saveConfig($form->sequence, $interval, $ratedPower);
        header('Location: /?saved', response_code: 303);
    } catch (Conflict) {
        // What was typed stays; the next save is on top of what the other one saved.
        $form->others = $boards->config();
        $form->sequence = $form->others->sequence;
        http_response_code(409);
        show($boards, $form);
    } catch (Locked) {
        http_response_code(503);
        show($boards, $form, 'Not saved: another program holds the settings. Save again in a moment.');
    }
}

header('Cache-Control: no-store');
header("Content-Security-Policy: default-src 'self'; frame-ancestors 'none'");
$boards = new Boards();
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
try {
    switch ("{$_SERVER['REQUEST_METHOD']} $path") {
        case 'GET /':
            show($boards, notice: isset($_GET['saved']) ? 'Saved. The daemon obeys from now on.' : '');
            break;
        case 'GET /events':
            (new Events($boards))->send();
            break;
        case 'POST /config':
        case 'POST /service':
            if (!isOurs()) {
                http_response_code(403);
                echo 'This form is not of this page.';
            } elseif ($path === '/config') {
                save($boards);
            } else {
                $boards->want(($_POST['running'] ?? '') === '1');
                header('Location: /', response_code: 303);
            }
            break;
        default:
            http_response_code(404);
            echo 'There is nothing here.';
    }
} catch (Pegel\Exception $error) {
    error_log((string) $error);
    http_response_code(503);
    header('Content-Type: text/plain; charset=utf-8');
    echo "The station's boards cannot be used just now:\n{$error->getMessage()}\n";
}
