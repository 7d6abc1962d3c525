<?php

/** The whole page `daemon`. @var Station\View $this */

declare(strict_types=1);

$status = $this->status;
$daemon = $status->daemon;
$launcher = $this->boards->newest('launcher');
$isAlive = $status->isDaemonAlive();
$unknown = "\u{2013}";
$time = fn (?int $at): string => $at === null ? $unknown : $this->texts->time($at);
$moment = fn (?int $at): string => $at === null ? $unknown : $this->texts->moment($at);
?>
<div class="sections">
<section class="card" aria-labelledby="daemon-title">
  <h2 id="daemon-title"><?= $this->say('page daemon') ?></h2>
  <p class="hint"><?= $this->say('daemon hint') ?></p>
  <form method="post" action="/service" class="switch">
    <?= $this->tokenField() ?>
    <button name="running" value="1" class="start"<?= $status->shouldRun ? ' disabled' : '' ?>><?=
        $this->say('start') ?></button>
    <button name="running" value="0" class="stop"<?= $status->shouldRun ? '' : ' disabled' ?>><?=
        $this->say('stop') ?></button>
  </form>
  <dl>
    <?= $this->fact('daemon is', $this->say($isAlive ? 'alive' : 'not running')) ?>
    <?= $this->fact('it does', $isAlive ? $this->e($this->texts->of($daemon['state'])) : $unknown)
    ?>
    <?= $this->fact('launcher is', $this->e($this->texts->of(
        ($launcher?->writerAlive ?? false) ? "launcher {$launcher['state']}" : 'launcher gone'
    ))) ?>
    <?= $this->fact('starts', $this->number($launcher['starts'] ?? null, 0)) ?>
    <?= $this->fact('started', $moment($launcher['started'] ?? null)) ?>
    <?= $this->fact('exited', $moment($launcher['exited'] ?? null)) ?>
    <?= $this->fact('exit reason', $this->e($launcher['exit_reason'] ?? $unknown)) ?>
  </dl>
<?php if ($daemon['problem'] ?? null) : ?>
  <p class="notice conflict"><?= $this->e($daemon['problem']) ?></p>
<?php endif ?>
</section>
<section class="card" aria-labelledby="night-title">
  <h2 id="night-title"><?= $this->say('night') ?></h2>
  <p class="hint"><?=
      $this->say($status->config['latitude'] === null ? 'no place' : 'night hint') ?></p>
  <dl>
    <?= $this->fact('sunrise', $time($daemon['sunrise'] ?? null)) ?>
    <?= $this->fact('sunset', $time($daemon['sunset'] ?? null)) ?>
    <?= $this->fact('port', $this->e(($daemon['port'] ?? '') ?: $unknown)) ?>
  </dl>
</section>
<?php foreach (array_filter($daemon['serial'] ?? []) as $index => $serial) : ?>
    <?php
    $of = fn (string $count): int => $daemon[$count][$index];
    $name = $this->e($status->name($serial));
    ?>
<section class="card" aria-label="<?= $name ?>">
  <h2><?= $name ?><span class="aside"><?= $this->say('since start') ?></span></h2>
  <dl>
    <?php foreach (['polls', 'answers', 'frames', 'retries', 'damaged'] as $count) : ?>
        <?= $this->fact($count, $this->number($of($count), 0, '', "$serial-$count")) ?>
    <?php endforeach ?>
    <?= $this->fact('unanswered', $of('polls') === 0 ? $unknown
        : $this->number(100 * (1 - $of('answers') / $of('polls')), 1, '%')) ?>
  </dl>
</section>
<?php endforeach ?>
</div>
