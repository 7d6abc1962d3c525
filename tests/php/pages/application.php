<?php

// What both applications need: the classes of the directory, and requests from lines of JSON.

declare(strict_types=1);

use Symfony\Component\HttpFoundation\Request;

require __DIR__ . '/../../../php-ffi/autoload.php';

spl_autoload_register(static function (string $class) use ($argv): void {
    foreach (['src', 'app'] as $sources) {
        $file = "$argv[1]/$sources/" . strtr(substr($class, strlen('App\\')), '\\', '/') . '.php';
        if (str_starts_with($class, 'App\\') && is_file($file)) {
            require $file;
        }
    }
});

/** Answers each line, [METHOD, PATH, BODY], by [STATUS, BODY]. */
function answer(callable $handle): void
{
    while (($line = fgets(STDIN)) !== false) {
        [$method, $path, $body] = json_decode($line, true, flags: JSON_THROW_ON_ERROR);
        $server = ['CONTENT_TYPE' => 'application/json'];
        $response = $handle(
            Request::create($path, $method, server: $server, content: json_encode($body))
        );
        echo json_encode([$response->getStatusCode(), json_decode($response->getContent())]), "\n";
    }
}
