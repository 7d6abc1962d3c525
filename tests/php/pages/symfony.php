<?php

// Answers requests as the Symfony application in a directory does: DIRECTORY, then lines of JSON.

declare(strict_types=1);

use Symfony\Bundle\FrameworkBundle\FrameworkBundle;
use Symfony\Bundle\FrameworkBundle\Kernel\MicroKernelTrait;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpKernel\Kernel;
use Symfony\Component\Routing\Loader\Configurator\RoutingConfigurator;

require '/usr/share/php/Symfony/Bundle/FrameworkBundle/autoload.php';
require '/usr/share/php/Symfony/Component/Yaml/autoload.php';
require __DIR__ . '/InstalledVersions.php';
require __DIR__ . '/application.php';

$kernel = new class ('test', false) extends Kernel {
    use MicroKernelTrait;

    public static string $directory;

    public function getProjectDir(): string
    {
        return self::$directory;
    }

    public function registerBundles(): iterable
    {
        return [new FrameworkBundle()];
    }

    protected function configureContainer(ContainerConfigurator $container): void
    {
        $container->extension('framework', ['secret' => 'a', 'test' => true]);
        $container->import($this->getProjectDir() . '/config/services.yaml');
    }

    protected function configureRoutes(RoutingConfigurator $routes): void
    {
        $routes->import($this->getProjectDir() . '/config/routes.yaml');
    }
};
$kernel::$directory = $argv[1];
answer(fn (Request $request) => $kernel->handle($request));
