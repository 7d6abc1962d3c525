<?php

// Answers requests as the Laravel application in a directory does: DIRECTORY, then lines of JSON.

declare(strict_types=1);

use App\Providers\PegelServiceProvider;
use Illuminate\Container\Container;
use Illuminate\Events\Dispatcher;
use Illuminate\Http\Request;
use Illuminate\Routing\Router;
use Illuminate\Support\Facades\Facade;
use Symfony\Component\HttpFoundation\Request as SymfonyRequest;

// Laravel uses what newer versions of PHP than its own deprecate.
error_reporting(E_ALL & ~E_DEPRECATED);
require '/usr/share/php/Illuminate/Routing/autoload.php';
require '/usr/share/php/Illuminate/Events/autoload.php';
require '/usr/share/php/Illuminate/Http/autoload.php';
require '/usr/share/php/Dotenv/autoload.php';
require __DIR__ . '/application.php';

$container = new Container();
Container::setInstance($container);
$router = new Router(new Dispatcher($container), $container);
$container->instance('router', $router);
Facade::setFacadeApplication($container);
(new PegelServiceProvider($container))->register();
require "$argv[1]/routes/web.php";
answer(function (SymfonyRequest $request) use ($container, $router) {
    $container->instance(Request::class, $request = Request::createFromBase($request));
    return $router->dispatch($request);
});
